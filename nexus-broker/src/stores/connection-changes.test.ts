import type { Instant } from '@nexus/core/clock';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import { type Connection, currentStatus } from '../domain/connection.js';
import type { StoreCredentialInput } from './connection-changes.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import {
  createCredentialInput,
  createId,
  createSealed,
  insertConnection,
  insertFlow,
  insertProvider,
  laterTime,
} from './store-fixture.js';

describeEachDatabase('connection changes', (open, fixture) => {
  let database: Database;
  let url: string;
  let providerId: string;
  let clockOffsetMs = 0;
  beforeAll(async () => {
    url = await fixture.createUrl();
    database = await open({ url, poolSize: 32, clockOffsetMs: () => clockOffsetMs });
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

  it('keeps one row per connection id', async () => {
    const connection = await insertConnection(database, providerId);
    await expect(insertConnection(database, providerId, { idHash: connection.idHash })).rejects.toThrow();
  });

  it('stores the first credential and activates the connection', async () => {
    const connection = await insertConnection(database, providerId, { reason: 'not_completed' });
    const input = createCredentialInput(connection);
    expect(await database.transaction((stores) => stores.connections.storeCredential(input))).toBe(true);
    expect(await find(connection)).toEqual({
      ...connection,
      status: 'active',
      reason: null,
      pendingUntil: null,
      version: 1,
      sealedCredential: Buffer.from('credential'),
      grantedScopes: ['read'],
      accountSubject: 'subject',
      accountLabel: 'label',
      accessExpiresAt: 1_900_000_000,
      refreshAfter: 1_899_999_000_000,
      hasRefreshToken: true,
      issuedOrigin: 'https://provider.example',
      updatedAt: laterTime,
    });
  });

  it('keeps the account on a refresh that names none, and replaces it on a reconnect', async () => {
    const connection = await insertActive();
    const nameless = { from: ['active'] as const, accountSubject: null, accountLabel: null };
    await database.transaction((stores) =>
      stores.connections.storeCredential(createCredentialInput(connection, { ...nameless, isRefresh: true })),
    );
    const refreshed = await find(connection);
    expect(refreshed).toMatchObject({
      version: 2,
      accountSubject: 'subject',
      accountLabel: 'label',
      lastRefreshAt: laterTime,
    });
    await database.transaction((stores) =>
      stores.connections.storeCredential(createCredentialInput(refreshed, nameless)),
    );
    expect(await find(connection)).toMatchObject({ version: 3, accountSubject: null, accountLabel: null });
  });

  it('stores no credential over another version or out of another status', async () => {
    const connection = await insertActive();
    const attempt = (values: Partial<StoreCredentialInput>): Promise<boolean> =>
      database.transaction((stores) => stores.connections.storeCredential(createCredentialInput(connection, values)));
    expect(await attempt({ from: ['active'], expectedVersion: 0 })).toBe(false);
    expect(await attempt({ from: ['pending', 'failed'] })).toBe(false);
    expect((await find(connection)).version).toBe(1);
    await database.transaction((stores) =>
      stores.connections.markRevoked({ connectionRef: connection.connectionRef, at: laterTime }),
    );
    expect(await attempt({ from: ['pending', 'active', 'attention', 'failed'] })).toBe(false);
    expect((await find(connection)).sealedCredential).toBeNull();
  });

  it('lets exactly one of 32 credentials for the same version in', async () => {
    const connection = await insertActive();
    const results = await Promise.all(
      Array.from({ length: 32 }, (_, i) =>
        database.transaction((stores) =>
          stores.connections.storeCredential(
            createCredentialInput(connection, { from: ['active'], sealed: createSealed(`credential ${i}`) }),
          ),
        ),
      ),
    );
    expect(results.filter(Boolean)).toHaveLength(1);
    const stored = await find(connection);
    expect(stored.version).toBe(2);
    expect(stored.sealedCredential).toEqual(Buffer.from(`credential ${results.indexOf(true)}`));
  });

  it('moves to attention from active and the expected version only', async () => {
    const connection = await insertActive();
    const { connectionRef } = connection;
    const mark = (expectedVersion: number): Promise<boolean> =>
      database.transaction(({ connections }) =>
        connections.markAttention({ connectionRef, expectedVersion, reason: 'grant_revoked', at: laterTime }),
      );
    expect(await mark(0)).toBe(false);
    expect(await mark(1)).toBe(true);
    expect(await mark(1)).toBe(false);
    expect(await find(connection)).toMatchObject({ status: 'attention', reason: 'grant_revoked' });
  });

  it('fails and extends pending connections only', async () => {
    const connection = await insertConnection(database, providerId);
    const { connectionRef } = connection;
    const extend = (): Promise<boolean> =>
      database.transaction(({ connections }) =>
        connections.extendPending({ connectionRef, reason: 'not_completed', seconds: 120 }),
      );
    const fail = (): Promise<boolean> =>
      database.transaction(({ connections }) =>
        connections.markFailed({ connectionRef, reason: 'exchange_failed', at: laterTime }),
      );
    clockOffsetMs = 550_000;
    expect(await extend()).toBe(true);
    clockOffsetMs = 650_000;
    expect(currentStatus(await find(connection), await database.now()).status).toBe('pending');
    clockOffsetMs = 671_000;
    expect(currentStatus(await find(connection), await database.now())).toEqual({
      status: 'failed',
      reason: 'not_completed',
    });
    expect(await fail()).toBe(true);
    expect(await find(connection)).toMatchObject({ status: 'failed', reason: 'exchange_failed', pendingUntil: null });
    expect(await fail()).toBe(false);
    expect(await extend()).toBe(false);
  });

  it('erases the credential when it is revoked, once', async () => {
    const connection = await insertActive();
    const { connectionRef } = connection;
    const revoke = (): Promise<boolean> =>
      database.transaction(({ connections }) => connections.markRevoked({ connectionRef, at: laterTime }));
    const results = await Promise.all(Array.from({ length: 32 }, revoke));
    expect(results.filter(Boolean)).toHaveLength(1);
    expect(await find(connection)).toMatchObject({
      status: 'revoked',
      reason: null,
      sealedCredential: null,
      grantedScopes: null,
      accessExpiresAt: null,
      refreshAfter: null,
      hasRefreshToken: false,
      revokedAt: laterTime,
    });
  });

  it('rebinds what is active or in attention(origin_changed), and nothing while a refresh is under way', async () => {
    const connection = await insertActive();
    const { connectionRef } = connection;
    const rebind = (ref = connectionRef): Promise<boolean> =>
      database.transaction(({ connections }) =>
        connections.rebind({
          connectionRef: ref,
          expectedVersion: 1,
          sealed: createSealed('rebound'),
          issuedOrigin: 'https://new.example',
          at: laterTime,
        }),
      );
    const lease = { connectionRef, expectedVersion: 1, owner: 'owner', leaseSeconds: 30, intent: null };
    await database.transaction(({ connections }) => connections.claimRefreshLease(lease));
    expect(await rebind()).toBe(false);
    await database.transaction(({ connections }) =>
      connections.releaseRefreshLease({
        connectionRef,
        owner: 'owner',
        nextAttemptInSeconds: null,
        failures: 'add',
        intent: 'cleared',
      }),
    );
    const dead = await insertActive();
    await database.transaction(({ connections }) =>
      connections.markAttention({
        connectionRef: dead.connectionRef,
        expectedVersion: 1,
        reason: 'grant_revoked',
        at: laterTime,
      }),
    );
    expect(await rebind(dead.connectionRef)).toBe(false);
    await database.transaction(({ connections }) =>
      connections.markRevoked({ connectionRef: dead.connectionRef, at: laterTime }),
    );
    expect((await database.stores.connections.listByIssuedOrigin(providerId, 'https://provider.example'))[0]).toEqual(
      await find(connection),
    );
    expect(await rebind()).toBe(true);
    expect(await find(connection)).toMatchObject({
      status: 'active',
      reason: null,
      version: 2,
      issuedOrigin: 'https://new.example',
      sealedCredential: Buffer.from('rebound'),
    });
    expect(await database.stores.connections.listByIssuedOrigin(providerId, 'https://provider.example')).toEqual([]);
  });

  it('deletes abandoned connections with their flows, and no others', async () => {
    const abandoned = await insertConnection(database, providerId);
    const flow = await insertFlow(database, abandoned);
    const active = await insertActive();
    const failed = await insertConnection(database, providerId, { requestedBy: null });
    const failedOfKey = await insertConnection(database, providerId, { requestedBy: 'key' });
    const expiredOfKey = await insertConnection(database, providerId, { requestedBy: 'key' });
    const now = await database.now();
    for (const { connectionRef } of [failed, failedOfKey, expiredOfKey]) {
      const reason = connectionRef === expiredOfKey.connectionRef ? 'expired' : 'access_denied';
      await database.transaction(({ connections }) => connections.markFailed({ connectionRef, reason, at: now }));
    }
    const sweep = (): Promise<number> =>
      database.transaction(({ connections }) => connections.deleteAbandoned({ pendingUntilBefore: 3600, limit: 1000 }));
    clockOffsetMs = 4_100_000;
    await sweep();
    expect(await database.stores.connections.findByRef(abandoned.connectionRef)).not.toBeNull();
    clockOffsetMs = 4_300_000;
    expect(await sweep()).toBeGreaterThanOrEqual(1);
    expect(await database.stores.connections.findByRef(abandoned.connectionRef)).toBeNull();
    expect(await database.stores.flows.findById(flow.flowId)).toBeNull();
    expect(await database.stores.connections.findByRef(active.connectionRef)).not.toBeNull();
    expect(await database.stores.connections.findByRef(failed.connectionRef)).toBeNull();
    expect(await database.stores.connections.findByRef(failedOfKey.connectionRef)).not.toBeNull();
    expect(await database.stores.connections.findByRef(expiredOfKey.connectionRef)).toBeNull();
  });

  it('deletes no more abandoned connections at a time than asked', async () => {
    for (let i = 0; i < 5; i++) await insertConnection(database, providerId);
    clockOffsetMs = 700_000;
    const sweep = (): Promise<number> =>
      database.transaction(({ connections }) => connections.deleteAbandoned({ pendingUntilBefore: 0, limit: 2 }));
    expect(await sweep()).toBe(2);
  });

  it('writes the last read at most hourly', async () => {
    const connection = await insertConnection(database, providerId);
    const touch = async (at: Instant): Promise<unknown> => {
      await database.transaction(({ connections }) => connections.touchRead([connection.connectionRef], at));
      const where = `connection_ref = '${connection.connectionRef}'`;
      return (await fixture.runSql(url, `select last_read_at from connection where ${where}`))[0]?.['last_read_at'];
    };
    expect(await touch('2026-01-02T00:00:00.000Z')).toBe('2026-01-02T00:00:00.000Z');
    expect(await touch('2026-01-02T00:59:59.999Z')).toBe('2026-01-02T00:00:00.000Z');
    expect(await touch('2026-01-02T01:00:00.000Z')).toBe('2026-01-02T01:00:00.000Z');
  });

  it('needs an existing provider', async () => {
    await expect(insertConnection(database, createId())).rejects.toThrow();
  });
});
