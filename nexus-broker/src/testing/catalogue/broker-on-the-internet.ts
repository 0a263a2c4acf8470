/**
 * A Broker in this process, as in production, whose way out leads to the local internet: names are resolved to loopback and
 * its port is added; all else that guards the way out stays as it is. Its clock stands still until it is moved.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { captureLog } from '@nexus/http/testing';
import type { LocalInternet } from '@nexus/testkit/local-internet';
import { createApp } from '../../app.js';
import { loadConfig } from '../../config.js';
import { openDeps } from '../../deps.js';
import { systemOrigin } from '../../domain/request-context.js';
import { createGuardedFetch, type GuardedFetch } from '../../oauth/guarded-fetch.js';
import { createKey } from '../../services/keys/create-key.js';

export interface BrokerAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** Seconds; null where the answer does not say. */
  readonly retryAfter: number | null;
}

export interface BrokerOnTheInternet {
  /** Where providers send people back to, below it the name of the provider. */
  readonly publicUrl: string;
  readonly returnUrl: string;
  nowMs(): number;
  advance(seconds: number): void;
  /** As an administrator. */
  direct(method: string, path: string, body?: object): Promise<BrokerAnswer>;
  /** As the Gateway on behalf of an application. */
  asGateway(path: string, body: object): Promise<BrokerAnswer>;
  /** What went wrong in the background. */
  findBackgroundFailures(): readonly unknown[];
  close(): Promise<void>;
}

const publicUrl = 'https://nexus.example';
const returnUrl = 'https://app.example/connected';

export async function openBrokerOnTheInternet(internet: LocalInternet): Promise<BrokerOnTheInternet> {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-catalogue-'));
  const { config, secrets } = loadConfig({ NEXUS_ENV: 'production', DATA_DIR: folder, PUBLIC_URL: publicUrl });
  let nowMs = Math.floor(Date.now() / 1_000) * 1_000;
  const log = captureLog('error');
  const opened = await openDeps(config, secrets, log.logger, {
    clock: { now: () => nowMs },
    clockOffsetMs: () => nowMs - Date.now(),
    guardedFetch: bendWayOut(internet),
  });
  // A test decides what is refreshed, and which call a provider's next answer is for.
  await opened.deps.dueRefreshes.close();
  const app = createApp(opened.deps);
  const create = async (role: 'admin' | 'gateway' | 'app') => {
    const input = { name: role, role, expiresAt: null, agentId: null };
    return (await createKey(opened.deps, input, systemOrigin('test'))).value;
  };
  const keys = { admin: await create('admin'), gateway: await create('gateway'), app: await create('app') };
  const send = async (method: string, path: string, headers: Record<string, string>, body?: object) => {
    const answer = await app.request(path, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const retryAfter = answer.headers.get('retry-after');
    return {
      status: answer.status,
      body: (await answer.json()) as BrokerAnswer['body'],
      retryAfter: retryAfter === null ? null : Number(retryAfter),
    };
  };
  const direct: BrokerOnTheInternet['direct'] = (method, path, body) =>
    send(method, path, { 'x-api-key': keys.admin }, body);
  await direct('POST', '/admin/v1/return-origins', {
    origin: new URL(returnUrl).origin,
    app_name: 'An application',
    completion: 'confirm',
  });
  return {
    publicUrl,
    returnUrl,
    nowMs: () => nowMs,
    advance: (seconds) => {
      nowMs += seconds * 1_000;
    },
    direct,
    asGateway: (path, body) => send('POST', path, { 'x-api-key': keys.gateway, 'x-nexus-caller-key': keys.app }, body),
    findBackgroundFailures: () => log.entries().filter(({ message }) => message === 'background work failed'),
    close: async () => {
      await opened.close('test');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function bendWayOut({ port, ca }: LocalInternet): GuardedFetch {
  const guard = createGuardedFetch({
    environment: 'production',
    egressAllow: ['127.0.0.0/8'],
    resolve: async () => ['127.0.0.1'],
    ca: [ca],
  });
  return {
    ...guard,
    fetch: (text, request) => {
      if (!URL.canParse(text)) return guard.fetch(text, request);
      const url = new URL(text);
      if (url.port === '') url.port = String(port);
      return guard.fetch(url.href, request);
    },
    [Symbol.asyncDispose]: () => guard[Symbol.asyncDispose](),
  };
}
