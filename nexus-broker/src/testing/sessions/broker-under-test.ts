/** A Broker in this process whose clocks a test holds: they stand still until they are moved. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { captureLog } from '@nexus/http/testing';
import { createScratchDatabase } from '@nexus/testkit/postgres';
import { createTokenSigner, type TokenSigner } from '@nexus/testkit/scripted-id-tokens';
import { startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { createApp } from '../../app.js';
import { loadConfig } from '../../config.js';
import { type Deps, openDeps } from '../../deps.js';
import { systemOrigin } from '../../domain/request-context.js';
import { createKey } from '../../services/keys/create-key.js';
import { createProfile, insertProvider } from '../../stores/store-fixture.js';
import { giveWay } from './give-way.js';
import { type ProviderName, providerNames } from './world-plan.js';

export type Engine = 'sqlite' | 'postgres';

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Sending {
  readonly key?: string | undefined;
  readonly body?: object | undefined;
}

/** An identity provider whose keys the Broker can fetch. */
export interface IdentityProvider {
  readonly url: string;
  readonly keysUrl: string;
  readonly signer: TokenSigner;
}

export interface BrokerUnderTest {
  readonly deps: Deps;
  readonly providerIds: Readonly<Record<ProviderName, string>>;
  readonly identityProviders: readonly IdentityProvider[];
  nowMs(): number;
  advance(ms: number): void;
  /** Lets the requests that `work` sends overtake each other wherever they could. */
  crowd<T>(work: () => Promise<T>): Promise<T>;
  /** With an admin key where none is given. */
  direct(method: string, path: string, sending?: Sending): Promise<Answer>;
  /** As the Gateway, with the caller's key; without one nobody is behind it. */
  asGateway(path: string, sending: Sending): Promise<Answer>;
  /** What went wrong in the background. */
  readonly logged: readonly string[];
  close(): Promise<void>;
}

export async function openBrokerUnderTest(engine: Engine): Promise<BrokerUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-property-'));
  const scratch = engine === 'postgres' ? await createScratchDatabase() : null;
  const upstream = await startScriptedProvider();
  const { config, secrets } = loadConfig({
    NEXUS_ENV: 'development',
    DATA_DIR: folder,
    PUBLIC_URL: upstream.origin,
    UNKNOWN_ID_LIMIT: '1000000',
    REFUSED_KEY_LIMIT: '1000000',
    ...(scratch === null ? {} : { DATABASE_URL: scratch.url }),
  });
  let nowMs = Date.now();
  let isCrowded = false;
  const log = captureLog('error');
  const clock = { now: () => nowMs };
  const opened = await openDeps(config, secrets, log.logger, { clock, clockOffsetMs: () => nowMs - Date.now() });
  const { database, ...others } = opened.deps;
  const deps: Deps = { ...others, database: giveWay(database, () => isCrowded) };
  const app = createApp(deps);
  const create = async (role: 'admin' | 'gateway') => {
    const input = { name: role, role, expiresAt: null, agentId: null };
    return (await createKey(deps, input, systemOrigin('test'))).value;
  };
  const keys = { admin: await create('admin'), gateway: await create('gateway') };
  const send = async (method: string, path: string, headers: Record<string, string>, body?: object) => {
    const answer = await app.request(path, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Answer['body'] };
  };
  return {
    deps,
    providerIds: await insertProviders(deps),
    identityProviders: ['one', 'two'].map((name) => {
      const signer = createTokenSigner('ES256', name);
      upstream.answer(`/${name}/jwks`, { body: { keys: [signer.publicJwk] } });
      return { url: upstream.url(`/${name}`), keysUrl: upstream.url(`/${name}/jwks`), signer };
    }),
    nowMs: () => nowMs,
    advance: (ms) => {
      nowMs += ms;
    },
    crowd: (work) => {
      isCrowded = true;
      return work().finally(() => {
        isCrowded = false;
      });
    },
    direct: (method, path, { key = keys.admin, body } = {}) => send(method, path, { 'x-api-key': key }, body),
    asGateway: (path, { key, body }) =>
      send(
        'POST',
        path,
        { 'x-api-key': keys.gateway, ...(key === undefined ? {} : { 'x-nexus-caller-key': key }) },
        body,
      ),
    logged: log.lines,
    close: async () => {
      await opened.close('test');
      await upstream.close();
      await scratch?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** None of them is ever called: their tokens do not expire, and nothing can be revoked or narrowed there. */
async function insertProviders({ database }: Deps): Promise<Record<ProviderName, string>> {
  const profiles = {
    exact: {},
    wide: { allowWiderToken: true },
    static: {
      authType: 'api_key',
      authStrategy: { type: 'header', config: { header_name: 'X-Key', credential_field: 'api_key' } },
    },
  } as const;
  const ids = await Promise.all(
    providerNames.map(async (name) => {
      const { providerId } = await insertProvider(database, {
        profile: createProfile({ name, ...profiles[name] }),
        sealedSecrets: null,
      });
      return [name, providerId] as const;
    }),
  );
  return Object.fromEntries(ids) as Record<ProviderName, string>;
}
