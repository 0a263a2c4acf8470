import { toEpochMs } from '@nexus/core/clock';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { Connection } from '../domain/connection.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createId, createSealed, insertConnection, insertProvider, testTime } from './store-fixture.js';

describeEachDatabase('refresh leases', (open, fixture) => {
  let database: Database;
  let url: string;
  let connection: Connection;
  let clockOffsetMs = 0;
  beforeAll(async () => {
    url = await fixture.createUrl();
    database = await open({ url, poolSize: 32, clockOffsetMs: () => clockOffsetMs });
  });
  beforeEach(async () => {
    clockOffsetMs = 0;
    const provider = await insertProvider(database);
    connection = await insertConnection(database, provider.providerId);
    await storeCredential(0);
  });

  const storeCredential = (expectedVersion: number): Promise<boolean> =>
    database.transaction(({ connections }) =>
      connections.storeCredential({
        connectionRef: connection.connectionRef,
        expectedVersion,
        sealed: createSealed(),
        from: ['pending', 'active', 'attention'],
        grantedScopes: null,
        accountSubject: null,
        accountLabel: null,
        accessExpiresAt: null,
        refreshAfter: null,
        hasRefreshToken: true,
        issuedOrigin: 'https://provider.example',
        at: testTime,
        isRefresh: expectedVersion > 0,
      }),
    );
  const claim = (owner: string, expectedVersion = 1): Promise<boolean> =>
    database.transaction(({ connections }) =>
      connections.claimRefreshLease({
        connectionRef: connection.connectionRef,
        expectedVersion,
        owner,
        intentId: createId(),
        leaseSeconds: 30,
      }),
    );
  const release = (owner: string): Promise<void> =>
    database.transaction(({ connections }) =>
      connections.releaseRefreshLease({
        connectionRef: connection.connectionRef,
        owner,
        nextAttemptInSeconds: 5,
        failed: true,
      }),
    );

  it('gives the lease to exactly one of 32 callers at once', async () => {
    const results = await Promise.all(Array.from({ length: 32 }, (_, i) => claim(`owner ${i}`)));
    expect(results.filter(Boolean)).toHaveLength(1);
  });

  it('gives the lease of a dead holder to exactly one of 32 callers once it has run out', async () => {
    expect(await claim('dead')).toBe(true);
    clockOffsetMs = 29_000;
    expect(await claim('early')).toBe(false);
    clockOffsetMs = 31_000;
    const results = await Promise.all(Array.from({ length: 32 }, (_, i) => claim(`owner ${i}`)));
    expect(results.filter(Boolean)).toHaveLength(1);
  });

  it('is free again after its holder released it, and not after somebody else tried', async () => {
    expect(await claim('holder')).toBe(true);
    await release('stranger');
    expect(await claim('next')).toBe(false);
    await release('holder');
    expect(await claim('next')).toBe(true);
  });

  it('is given for the expected version of an active connection only', async () => {
    expect(await claim('owner', 2)).toBe(false);
    await database.transaction(({ connections }) =>
      connections.markRevoked({ connectionRef: connection.connectionRef, at: testTime }),
    );
    expect(await claim('owner')).toBe(false);
  });

  it('ends with the credential that was stored under it', async () => {
    expect(await claim('holder')).toBe(true);
    expect(await storeCredential(1)).toBe(true);
    expect(await claim('next', 2)).toBe(true);
  });

  it('does not forbid its former holder to store what it got, while the version is the same', async () => {
    expect(await claim('slow')).toBe(true);
    clockOffsetMs = 31_000;
    expect(await claim('next')).toBe(true);
    expect(await storeCredential(1)).toBe(true);
    expect(await storeCredential(1)).toBe(false);
  });

  it('tells what earlier attempts leave for the next one, by the database clock', async () => {
    const find = () => database.stores.connections.findAttemptState(connection.connectionRef);
    const end = (failed: boolean, nextAttemptInSeconds: number | null): Promise<void> =>
      database.transaction(({ connections }) =>
        connections.releaseRefreshLease({
          connectionRef: connection.connectionRef,
          owner: 'holder',
          nextAttemptInSeconds,
          failed,
        }),
      );
    expect(await find()).toEqual({ waitSeconds: 0, failures: 0 });
    for (const failures of [1, 2]) {
      await claim('holder');
      await end(true, 900);
      expect(await find()).toEqual({ waitSeconds: expect.any(Number), failures });
    }
    clockOffsetMs = 800_000;
    const { waitSeconds = 0 } = (await find()) ?? {};
    expect(waitSeconds).toBeGreaterThan(30);
    expect(waitSeconds).toBeLessThanOrEqual(100);
    clockOffsetMs = 901_000;
    expect(await find()).toEqual({ waitSeconds: 0, failures: 2 });
    await claim('holder');
    await end(false, null);
    expect(await find()).toEqual({ waitSeconds: 0, failures: 0 });
    expect(await database.stores.connections.findAttemptState(createId())).toBeNull();
  });

  it('leaves a pause where its holder is known to be dead, and only there', async () => {
    const find = () => database.stores.connections.findAttemptState(connection.connectionRef);
    const clear = () => database.transaction(({ connections }) => connections.clearRefreshLeases());
    await clear();
    expect(await find()).toEqual({ waitSeconds: 0, failures: 0 });
    await claim('dead');
    await clear();
    expect(await claim('next')).toBe(true);
    const { waitSeconds = 0 } = (await find()) ?? {};
    expect(waitSeconds).toBeGreaterThan(0);
    expect(waitSeconds).toBeLessThanOrEqual(30);
  });

  it('a held row takes nothing until the transaction ends, whatever its status', async () => {
    const { connectionRef } = connection;
    const seen: string[] = [];
    let storing = Promise.resolve(true);
    for (const status of ['active', 'attention'] as const) {
      if (status === 'attention') {
        const attention = { connectionRef, expectedVersion: 2, reason: 'integrity', at: testTime } as const;
        await database.transaction(({ connections }) => connections.markAttention(attention));
      }
      await database.transaction(async ({ connections }) => {
        await connections.holdRow(connectionRef);
        const before = await connections.findByRef(connectionRef);
        storing = storeCredential(before?.version ?? 0);
        await new Promise((resolve) => setTimeout(resolve, 50));
        const after = await connections.findByRef(connectionRef);
        seen.push(`${after?.status} ${after?.version === before?.version}`);
      });
      expect(await storing).toBe(true);
    }
    expect(seen).toEqual(['active true', 'attention true']);
  });

  it('counts leases and failures, and notes when to try again by the database clock', async () => {
    const read = async (): Promise<Record<string, unknown> | undefined> =>
      (
        await fixture.runSql(
          url,
          `select lease_owner, lease_until, intent_id, intent_started, next_attempt_at,
            cast(lease_epoch as integer) as lease_epoch, cast(fail_count as integer) as fail_count
            from connection where connection_ref = '${connection.connectionRef}'`,
        )
      )[0];
    const before = toEpochMs(await database.now());
    await claim('holder');
    const held = await read();
    expect(held).toMatchObject({ lease_owner: 'holder', lease_epoch: 1, fail_count: 0, next_attempt_at: null });
    expect(toEpochMs(String(held?.['lease_until'])) - toEpochMs(String(held?.['intent_started']))).toBeLessThan(30_010);
    expect(toEpochMs(String(held?.['lease_until'])) - before).toBeGreaterThanOrEqual(30_000);
    await release('holder');
    const released = await read();
    expect(released).toMatchObject({ lease_owner: null, lease_until: null, intent_id: null, fail_count: 1 });
    expect(toEpochMs(String(released?.['next_attempt_at'])) - before).toBeGreaterThanOrEqual(5000);
    await claim('holder');
    await storeCredential(1);
    expect(await read()).toMatchObject({ lease_owner: null, intent_id: null, lease_epoch: 2, fail_count: 0 });
  });
});
