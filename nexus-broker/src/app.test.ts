import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashToken } from '@nexus/core/tokens';
import { captureLog } from '@nexus/http/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from './app.js';
import { loadConfig } from './config.js';
import { buildContract } from './contract.js';
import { type Deps, type OpenedDeps, openDeps } from './deps.js';
import { auditEvents } from './domain/audit-event.js';
import { systemOrigin } from './domain/request-context.js';
import { createKey } from './services/keys/create-key.js';

const marker = 'marker-of-an-inner-layer';

interface Operation {
  readonly operationId: string;
  readonly 'x-nexus-access': 'open' | { readonly through: 'gateway' | 'direct' };
  readonly 'x-nexus-audit': readonly string[] | { readonly none: string };
}

const operations = Object.entries(buildContract().paths ?? {}).flatMap(([path, methods]) =>
  Object.entries(methods as unknown as Record<string, Operation>).map(([method, operation]) => ({
    method: method.toUpperCase(),
    path: path
      .replace('vault/keys/{id}', 'vault/keys/1')
      .replace('{id}', '01J00000000000000000000000')
      .replace('{key_id}', 'k'),
    ...operation,
  })),
);

/** Bodies that pass the schemas, so that a request reaches the layer behind them. */
const bodies: Readonly<Record<string, object>> = {
  requestConnection: { workspace_id: 'w', provider_name: 'p', return_url: 'http://127.0.0.1/' },
  checkConnection: { connection_id: 'c' },
  getToken: { connection_id: 'c' },
  refreshConnection: { connection_id: 'c' },
  resolveConnection: { workspace_id: 'w', provider_name: 'p' },
  listConnections: {},
  deleteConnection: { connection: 'c' },
  completeConnection: { handle: 'h', code_verifier: 'v' },
  viewFlow: { ticket: 't' },
  continueFlow: { ticket: 't', cookies: {} },
  completeAuthorization: { provider_name: 'p', parameters: [['state', 's']], cookies: {} },
  getCaptureSchema: { provider_name: 'p' },
  captureCredential: { state: 't', credentials: {} },
  getProvidersMetadata: {},
  createAgentSession: { agent_id: 'a', connection_id: 'c', scopes: ['s'] },
  createOboSession: { agent_id: 'a', connection_id: 'c', scopes: ['s'], user_context_token: 't' },
  getAgentSession: { session_id: 's' },
  closeAgentSession: { session_id: 's' },
  getSessionToken: { session_id: 's', session_token: 't' },
  introspectToken: { agent_id: 'a', token: 't' },
  revokeToken: { agent_id: 'a', token: 't' },
  createAgent: { agent_id: 'a', allowed_scopes: [] },
  updateAgent: { active: true },
  createAgentKey: {},
  closeSessions: { agent_id: 'a' },
  createProvider: { name: 'p', auth_type: 'api_key' },
  previewProvider: { name: 'p', auth_type: 'api_key' },
  updateProvider: { description: 'd' },
  replaceProvider: { name: 'p', auth_type: 'api_key' },
  rebindProvider: { from_origin: 'https://a.example', to_origin: 'https://b.example' },
  revokeConnections: { workspace_id: 'w' },
  createKey: { name: 'k', role: 'app' },
  createReturnOrigin: { origin: 'http://127.0.0.1', app_name: 'a', completion: 'confirm' },
  pruneAudit: { to_seq: 1, archive_sha256: '0'.repeat(64) },
  createIssuer: { issuer: 'http://127.0.0.1', audience: 'a' },
  addKek: { id: 'k' },
  createDataKey: { purpose: 'cred' },
  rotateDataKeys: {},
};

function createThrower(): never {
  return new Proxy(() => undefined, {
    get: (_target, property) => {
      if (property === 'then') return undefined;
      return createThrower();
    },
    apply: () => {
      throw new Error(marker);
    },
  }) as never;
}

describe('the Broker as an app', () => {
  let folder: string;
  let opened: OpenedDeps;
  const keys: Record<string, string> = {};
  const log = captureLog('info');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nexus-app-'));
    const { config, secrets } = loadConfig({
      NEXUS_ENV: 'development',
      DATA_DIR: folder,
      PUBLIC_URL: 'http://127.0.0.1:1',
    });
    opened = await openDeps(config, secrets, log.logger);
    for (const role of ['admin', 'gateway'] as const) {
      const input = { name: role, role, expiresAt: null, agentId: null };
      keys[role] = (await createKey(opened.deps, input, systemOrigin('test'))).value;
    }
  });
  afterAll(async () => {
    await opened.close('test');
    await rm(folder, { recursive: true, force: true });
  });

  function send(deps: Deps, operation: (typeof operations)[number], key: string | undefined) {
    const { method, path, operationId } = operation;
    const body = bodies[operationId];
    return createApp(deps).request(path, {
      method,
      headers: {
        ...(key === undefined ? {} : { 'X-API-Key': key }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
  }

  const protectedOperations = operations.filter((operation) => operation['x-nexus-access'] !== 'open');

  it.each(protectedOperations)('refuses $operationId without a key, before anything else', async (operation) => {
    const answer = await send(opened.deps, operation, undefined);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([401, 'missing_api_key']);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-request-id')).not.toBeNull();
  });

  it.each(protectedOperations)('shows nothing of what breaks inside $operationId', async (operation) => {
    const { through } = operation['x-nexus-access'] as { readonly through: 'gateway' | 'direct' };
    const { database, ...others } = opened.deps;
    const broken: Deps = {
      ...others,
      audit: createThrower(),
      auditSealer: createThrower(),
      vault: createThrower(),
      keyProvider: createThrower(),
      fence: createThrower(),
      providerClient: createThrower(),
      refresh: createThrower(),
      sessionTokens: createThrower(),
      endedTokens: createThrower(),
      userTokens: createThrower(),
      watcher: createThrower(),
      database: {
        ...database,
        now: createThrower(),
        appliedMigrations: createThrower(),
        transaction: createThrower(),
        transactionAsOwner: createThrower(),
        stores: {
          ...createBrokenStores(),
          keys: { ...database.stores.keys, ...(operation.operationId === 'listKeys' ? { list: createThrower() } : {}) },
        },
      },
    };
    const answer = await send(broken, operation, keys[through === 'gateway' ? 'gateway' : 'admin']);
    const text = await answer.text();
    expect(text).not.toContain(marker);
    expect(text).not.toMatch(/\bat .+\.(ts|js):\d+/);
    expect([...answer.headers.values()].join()).not.toContain(marker);
    if (answer.status >= 500) expect(JSON.parse(text)).toMatchObject({ code: 'internal_error' });
  });

  function createBrokenStores() {
    return {
      providers: createThrower(),
      connections: createThrower(),
      flows: createThrower(),
      returnOrigins: createThrower(),
      agents: createThrower(),
      sessions: createThrower(),
      userIssuers: createThrower(),
      usedUserTokens: createThrower(),
      audit: createThrower(),
      auditChain: createThrower(),
      keyRing: createThrower(),
      keks: createThrower(),
      sealedBlobs: createThrower(),
      resealing: createThrower(),
      brokerInstances: createThrower(),
      jobLeases: createThrower(),
    } as unknown as Deps['database']['stores'];
  }

  it('logs what broke inside with the request id', () => {
    expect(log.lines.join('')).toContain(marker);
  });

  it.each(operations)('says what $operationId records, or why it records nothing', (operation) => {
    const declared = operation['x-nexus-audit'];
    if (Array.isArray(declared)) expect(Object.keys(auditEvents)).toEqual(expect.arrayContaining([...declared]));
    else expect((declared as { none: string }).none).toMatch(/\w+ \w+/);
  });

  it('keeps the hash of a key and never the key', async () => {
    const stored = await opened.deps.database.stores.keys.findByHash(hashToken(keys['admin'] ?? ''));
    expect(JSON.stringify(stored)).not.toContain(keys['admin']);
  });
});
