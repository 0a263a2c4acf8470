import { toEpochMs } from '@nexus/core/clock';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Connection, currentStatus } from '../domain/connection.js';
import type { StoreCredentialInput } from './connection-changes.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import {
  createCredentialInput,
  createHashText,
  createId,
  createKey,
  insertConnection,
  insertProvider,
  laterTime,
} from './store-fixture.js';

describeEachDatabase('connection reads', (open) => {
  let database: Database;
  let providerId: string;
  let clockOffsetMs = 0;
  beforeAll(async () => {
    database = await open({ poolSize: 32, clockOffsetMs: () => clockOffsetMs });
  });
  beforeEach(async () => {
    clockOffsetMs = 0;
    providerId = (await insertProvider(database)).providerId;
  });

  const find = async (connection: Connection): Promise<Connection> => {
    const found = await database.stores.connections.findByRef(connection.connectionRef);
    if (found === null) throw new Error('the connection is gone');
    return found;
  };
  const insertActive = async (values: Partial<StoreCredentialInput> = {}): Promise<Connection> => {
    const connection = await insertConnection(database, providerId);
    await database.transaction((stores) =>
      stores.connections.storeCredential(createCredentialInput(connection, values)),
    );
    return find(connection);
  };

  it('gives back a connection as it was inserted, pending until the database says otherwise', async () => {
    const before = toEpochMs(await database.now());
    const connection = await insertConnection(database, providerId, {
      metadata: { nested: [1, 'two', null, { three: true }] },
      requestedBy: 'key',
      requestedScopes: ['a', 'b'],
    });
    const found = await find(connection);
    expect(found).toEqual({ ...connection, pendingUntil: found.pendingUntil });
    const pendingMs = toEpochMs(found.pendingUntil ?? '') - before;
    expect(pendingMs).toBeGreaterThanOrEqual(600_000);
    expect(pendingMs).toBeLessThan(610_000);
    expect(await database.stores.connections.findByIdHash(connection.idHash)).toEqual(found);
  });

  it('finds nothing for unknown refs and hashes', async () => {
    expect(await database.stores.connections.findByRef(createId())).toBeNull();
    expect(await database.stores.connections.findByIdHash(createHashText())).toBeNull();
  });

  it('counts as failed once its time has run out, without a write', async () => {
    const connection = await insertConnection(database, providerId);
    clockOffsetMs = 601_000;
    expect(currentStatus(await find(connection), await database.now())).toEqual({
      status: 'failed',
      reason: 'expired',
    });
  });

  it('tells waiters the state of many connections at once', async () => {
    const connections = [];
    for (let i = 0; i < 3; i++) connections.push(await insertConnection(database, providerId));
    const refs = connections.map((connection) => connection.connectionRef);
    const many = [...refs, ...Array.from({ length: 1200 }, createId)];
    const states = await database.stores.connections.findStatusesByRefs(many);
    expect(states.map((state) => state.connectionRef).sort()).toEqual([...refs].sort());
    expect(states[0]).toEqual({
      connectionRef: expect.any(String),
      status: 'pending',
      reason: null,
      pendingUntil: expect.any(String),
    });
    expect(await database.stores.connections.findStatusesByRefs([])).toEqual([]);
  });

  describe('list', () => {
    it('filters by every field and orders by ref', async () => {
      const workspaceId = createId();
      const [app, agent] = [createKey({ role: 'app' }), createKey({ role: 'agent' })];
      await database.transaction(async ({ keys }) => {
        await keys.insert(app);
        await keys.insert(agent);
      });
      const byKey = await insertConnection(database, providerId, { workspaceId, requestedBy: app.keyId });
      const byAgent = await insertConnection(database, providerId, { workspaceId, requestedBy: agent.keyId });
      const anonymous = await insertConnection(database, providerId, { workspaceId });
      const active = await insertActive();
      const list = async (filter: Parameters<typeof database.stores.connections.list>[0]): Promise<string[]> =>
        (await database.stores.connections.list(filter)).map((connection) => connection.connectionRef);
      expect(await list({ workspaceId })).toEqual(
        [byKey, byAgent, anonymous].map(({ connectionRef }) => connectionRef).sort(),
      );
      expect(await list({ providerId, status: 'active' })).toEqual([active.connectionRef]);
      expect(await list({ workspaceId, requestedBy: app.keyId })).toEqual([byKey.connectionRef]);
      expect(await list({ workspaceId, requestedBy: null })).toEqual([anonymous.connectionRef]);
      expect(await list({ workspaceId, startedByOwner: true })).toEqual([byKey.connectionRef]);
      expect(await list({ connectionRef: anonymous.connectionRef })).toEqual([anonymous.connectionRef]);
      expect(await list({ connectionRef: anonymous.connectionRef, workspaceId: 'other' })).toEqual([]);
    });

    it('pages without gaps or repetitions', async () => {
      const workspaceId = createId();
      for (let i = 0; i < 7; i++) await insertConnection(database, providerId, { workspaceId });
      const seen: string[] = [];
      let after: string | undefined;
      for (;;) {
        const page = await database.stores.connections.list({ workspaceId, after, limit: 3 });
        seen.push(...page.map((connection) => connection.connectionRef));
        if (page.length < 3) break;
        after = page.at(-1)?.connectionRef;
      }
      expect(new Set(seen).size).toBe(7);
      expect(seen).toEqual([...seen].sort());
    });
  });

  it('counts as live what is active, in attention, or pending and in time', async () => {
    await insertActive();
    const attention = await insertActive();
    const failed = await insertConnection(database, providerId);
    const revoked = await insertActive();
    await insertConnection(database, providerId);
    await database.transaction(async ({ connections }) => {
      const { connectionRef } = attention;
      await connections.markAttention({ connectionRef, expectedVersion: 1, reason: 'expired', at: laterTime });
      await connections.markFailed({ connectionRef: failed.connectionRef, reason: 'access_denied', at: laterTime });
      await connections.markRevoked({ connectionRef: revoked.connectionRef, at: laterTime });
    });
    expect(await database.stores.connections.countLive(providerId)).toBe(3);
    clockOffsetMs = 601_000;
    expect(await database.stores.connections.countLive(providerId)).toBe(2);
  });

  it('knows whether any of a provider holds a credential', async () => {
    const held = () => database.stores.connections.holdCredentials(providerId);
    await insertConnection(database, providerId);
    expect(await held()).toBe(false);
    const { connectionRef } = await insertActive();
    expect(await held()).toBe(true);
    await database.transaction(({ connections }) => connections.markRevoked({ connectionRef, at: laterTime }));
    expect(await held()).toBe(false);
  });

  it('sees a sibling in the same account, and in an account unknown on either side', async () => {
    const mine = await insertActive({ accountSubject: 'me' });
    const ask = (accountSubject: string | null): Promise<boolean> =>
      database.stores.connections.hasLiveSibling({ providerId, accountSubject, exceptRef: mine.connectionRef });
    expect(await ask('me')).toBe(false);
    await insertActive({ accountSubject: 'somebody else' });
    expect(await ask('me')).toBe(false);
    expect(await ask(null)).toBe(true);
    const unknown = await insertActive({ accountSubject: null });
    expect(await ask('me')).toBe(true);
    await database.transaction(({ connections }) =>
      connections.markRevoked({ connectionRef: unknown.connectionRef, at: laterTime }),
    );
    expect(await ask('me')).toBe(false);
    await insertActive({ accountSubject: 'me' });
    expect(await ask('me')).toBe(true);
  });

  it('lists by issuing origin what is active or in attention at the same provider', async () => {
    const active = await insertActive();
    await insertActive({ issuedOrigin: 'https://elsewhere.example' });
    await insertConnection(database, providerId, { issuedOrigin: 'https://provider.example' });
    const found = await database.stores.connections.listByIssuedOrigin(providerId, 'https://provider.example');
    expect(found.map((connection) => connection.connectionRef)).toEqual([active.connectionRef]);
  });
});
