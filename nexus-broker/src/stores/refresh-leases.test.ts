import { toEpochMs } from '@nexus/core/clock';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { Connection } from '../domain/connection.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import type { ReleaseInput } from './refresh-leases.js';
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
        inputs: null,
        accountData: null,
        isRefresh: expectedVersion > 0,
      }),
    );
  const claim = (owner: string, expectedVersion = 1): Promise<boolean> =>
    database.transaction(({ connections }) =>
      connections.claimRefreshLease({
        connectionRef: connection.connectionRef,
        expectedVersion,
        owner,
        leaseSeconds: 30,
        intent: { intentId: `intent of ${owner}`, countsAsCall: true, nextAttemptInSeconds: null, failures: 0 },
      }),
    );
  const release = (owner: string, intent: ReleaseInput['intent'] = 'cleared'): Promise<boolean> =>
    database.transaction(({ connections }) =>
      connections.releaseRefreshLease({
        connectionRef: connection.connectionRef,
        owner,
        nextAttemptInSeconds: 5,
        failures: 'add',
        intent,
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

  const find = () => database.stores.connections.findAttemptState(connection.connectionRef);

  it('tells what earlier attempts leave for the next one, by the database clock', async () => {
    const untouched = { isHeld: false, intentId: null, callAgeMs: null, waitSeconds: 0, wasToldToWait: false };
    expect(await find()).toMatchObject({ ...untouched, version: 1, status: 'active', failures: 0, tokenLifeMs: null });
    await claim('holder');
    clockOffsetMs = 4_000;
    expect(await find()).toMatchObject({ isHeld: true, intentId: 'intent of holder' });
    expect((await find())?.callAgeMs).toBeGreaterThanOrEqual(4_000);
    await release('holder');
    expect(await find()).toMatchObject({ isHeld: false, intentId: null, waitSeconds: 5, failures: 1 });
    clockOffsetMs = 8_500;
    expect(await find()).toMatchObject({ waitSeconds: 1 });
    clockOffsetMs = 10_000;
    expect(await find()).toMatchObject({ waitSeconds: 0, wasToldToWait: true, failures: 1 });
    expect(await database.stores.connections.findAttemptState(createId())).toBeNull();
  });

  it('a refresh token shown without an answer stays in doubt, and whether the log says so is known', async () => {
    await claim('silent');
    expect(await release('silent', 'in_doubt')).toBe(true);
    expect(await find()).toMatchObject({ isHeld: false, intentId: 'intent of silent', isDoubtRecorded: true });
    await claim('unheard');
    expect(await release('somebody else', 'open')).toBe(false);
    expect(await release('unheard', 'open')).toBe(true);
    expect(await find()).toMatchObject({ isHeld: false, intentId: 'intent of unheard', isDoubtRecorded: false });
    await claim('dead');
    clockOffsetMs = 31_000;
    expect(await find()).toMatchObject({ isHeld: false, intentId: 'intent of dead', isDoubtRecorded: false });
    await storeCredential(1);
    expect(await find()).toMatchObject({ intentId: null });
  });

  it('R4: a refresh token that may have been replaced is bound to no other origin', async () => {
    const { connectionRef } = connection;
    const rebound = { sealed: createSealed('rebound'), issuedOrigin: 'https://new.example', at: testTime };
    const rebind = () =>
      database.transaction(({ connections }) => connections.rebind({ connectionRef, expectedVersion: 1, ...rebound }));
    for (const ending of ['open', 'in_doubt', 'cleared'] as const) {
      await claim('holder');
      await release('holder', ending);
      expect(await rebind(), ending).toBe(ending === 'cleared');
    }
  });

  it('a grace period runs from the first call in doubt', async () => {
    await claim('first');
    await release('first', 'in_doubt');
    clockOffsetMs = 40_000;
    await claim('second');
    await release('second', 'in_doubt');
    expect((await find())?.intentAgeMs).toBeGreaterThanOrEqual(40_000);
    await claim('third');
    await release('third');
    await claim('fourth');
    expect((await find())?.intentAgeMs).toBeLessThan(10_000);
  });

  it('R11: is free again at once where its holder is known to be dead, and its intent stays', async () => {
    const clear = () => database.transaction(({ connections }) => connections.clearRefreshLeases());
    await claim('dead');
    await clear();
    expect(await find()).toMatchObject({ isHeld: false, intentId: 'intent of dead', isDoubtRecorded: false });
    expect(await claim('next')).toBe(true);
  });

  it('goes to nobody who saw less than the last holder left', async () => {
    const seen = await find();
    await claim('quicker');
    await release('quicker');
    const late = { connectionRef: connection.connectionRef, expectedVersion: 1, owner: 'late', leaseSeconds: 30 };
    const claimSeen = () =>
      database.transaction(({ connections }) =>
        connections.claimRefreshLease({ ...late, intent: null, ...(seen === null ? {} : { seen }) }),
      );
    expect(await claimSeen()).toBe(false);
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
