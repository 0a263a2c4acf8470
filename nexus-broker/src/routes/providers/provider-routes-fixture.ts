/** A Broker as an app over a database of its own, whose templates a test chooses. No name of a host is resolved. */
import { mkdtemp, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Template } from '@nexus/catalogue/templates';
import { captureLog } from '@nexus/http/testing';
import { createApp } from '../../app.js';
import { loadConfig } from '../../config.js';
import { openDeps } from '../../deps.js';
import type { Role } from '../../domain/api-key.js';
import type { Catalogue } from '../../domain/profile-template.js';
import { systemOrigin } from '../../domain/request-context.js';
import { createGuardedFetch } from '../../oauth/guarded-fetch.js';
import { createProviderClient } from '../../oauth/provider-client.js';
import { createKey } from '../../services/keys/create-key.js';

export type Json = Readonly<Record<string, unknown>>;

export interface ProviderAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers as the wire gives them
  readonly body: any;
}

export interface ProviderWorld {
  /** With an admin's key, unless the role says otherwise. */
  send(method: string, path: string, body?: Json | null, role?: Role): Promise<ProviderAnswer>;
  /** Deletes every provider. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function openProviderWorld(catalogue: Catalogue): Promise<ProviderWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-providers-'));
  const environment = { NEXUS_ENV: 'development', DATA_DIR: folder, PUBLIC_URL: 'http://127.0.0.1:1' };
  const { config, secrets } = loadConfig(environment);
  const opened = await openDeps(config, secrets, captureLog('error').logger);
  const guardedFetch = createGuardedFetch({
    environment: 'development',
    egressAllow: [],
    resolve: (host) => Promise.resolve(isIP(host) === 0 ? [] : [host]),
  });
  const providerClient = createProviderClient({ guardedFetch, clock: opened.deps.clock });
  const app = createApp({ ...opened.deps, providerClient, catalogue });
  const keys = new Map<Role, string>();
  for (const role of ['admin', 'operator', 'auditor', 'gateway'] as const) {
    const input = { name: role, role, expiresAt: null, agentId: null };
    keys.set(role, (await createKey(opened.deps, input, systemOrigin('test'))).value);
  }
  const send: ProviderWorld['send'] = async (method, path, body = null, role = 'admin') => {
    const answer = await app.request(path, {
      method,
      headers: {
        'X-API-Key': keys.get(role) ?? '',
        ...(body === null ? {} : { 'Content-Type': 'application/json' }),
      },
      body: body === null ? null : JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  };
  return {
    send,
    async clear() {
      const { body } = await send('GET', '/admin/v1/providers');
      for (const { id } of body) await send('DELETE', `/admin/v1/providers/${id}`);
    },
    async close() {
      await guardedFetch[Symbol.asyncDispose]();
      await opened.close('test');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function createTemplate(name: string, profile: Json, digest = '0123456789abcdef'): Template {
  return {
    name,
    digest,
    displayName: String(profile['display_name']),
    category: 'developer',
    authType: String(profile['auth_type']),
    aliases: [`${name}-alias`],
    sources: [],
    verifiedOn: null,
    notes: [],
    profile,
  };
}

/** A catalogue that a test may change, as a new release does. */
export class ChangingCatalogue implements Catalogue {
  templates: readonly Template[];

  constructor(...templates: readonly Template[]) {
    this.templates = templates;
  }

  findTemplate(name: string): Template | null {
    return this.templates.find((one) => one.name === name || one.aliases.includes(name)) ?? null;
  }

  listTemplates(): readonly Template[] {
    return this.templates;
  }
}
