import { beforeAll, describe, expect, it } from 'vitest';
import type { AdmitInput } from './call-pace-admissions.js';
import type { CallPaceStore } from './call-pace-store.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createId, insertProvider } from './store-fixture.js';

describeEachDatabase('call pace store', (open) => {
  let offsetMs = 0;
  let database: Database;
  beforeAll(async () => {
    database = await open({ clockOffsetMs: () => offsetMs });
  });
  const on = <T>(work: (store: CallPaceStore) => Promise<T>): Promise<T> =>
    database.transaction(({ callPace }) => work(callPace));
  const createTarget = () => ({
    origin: `https://${createId()}.example`,
    providerId: createId(),
    profileVersion: 1,
    connectionRef: createId(),
  });
  const admit = (target: ReturnType<typeof createTarget>, values: Partial<AdmitInput> = {}) =>
    on((store) => store.admit({ ...target, callsPerSecond: 1, permits: 1, ignoresStop: false, ...values }));

  it('gives the turn to one of 16 that ask at once, and the next when its time has come', async () => {
    const target = createTarget();
    const answers = await Promise.all(Array.from({ length: 16 }, () => admit(target)));
    expect(answers.filter((answer) => answer !== null)).toHaveLength(1);
    expect((await database.stores.callPace.findState(target)).rateWaitMs).toBeGreaterThan(0);
    offsetMs += 1_001;
    expect(await admit(target)).toMatchObject({ permits: 1, failures: 0 });
    expect(await admit(createTarget())).not.toBeNull();
  });

  it('lets a batch of calls pay for itself with the pause that follows', async () => {
    const target = createTarget();
    const batch = { callsPerSecond: 20, permits: 2 };
    expect(await admit(target, batch)).toMatchObject({ permits: 2, waitMs: expect.closeTo(105, -1) });
  });

  describe('breaker', () => {
    async function openBreaker(target: ReturnType<typeof createTarget>): Promise<void> {
      await admit(target);
      for (let call = 1; call <= 4; call++) expect(await on((store) => store.noteFailure(target, 5_000))).toBe(false);
      expect(await on((store) => store.noteFailure(target, 5_000))).toBe(true);
      offsetMs += 1_001;
    }

    it('opens at the fifth failure in a row, and is tried by one of 16', async () => {
      const target = createTarget();
      await openBreaker(target);
      expect(await admit(target)).toBeNull();
      const probe = () => on((store) => store.takeProbe(target, 5_000));
      expect(await probe()).toBe(false);
      expect((await database.stores.callPace.listBlocked()).origins).toContain(target.origin);
      offsetMs += 4_100;
      expect((await database.stores.callPace.listBlocked()).origins).not.toContain(target.origin);
      const probes = await Promise.all(Array.from({ length: 16 }, probe));
      expect(probes.filter(Boolean)).toHaveLength(1);
    });

    it('closes at a success, and lets calls come back at one a second, then two, then all', async () => {
      const target = createTarget();
      await openBreaker(target);
      await on((store) => store.noteSuccess(target.origin));
      const waits: number[] = [];
      for (let second = 0; second < 7; second++) {
        offsetMs += 1_001;
        const admission = await admit(target, { callsPerSecond: 4, permits: 1 });
        waits.push(Math.round((admission?.waitMs ?? 0) / 10) * 10);
      }
      expect(waits).toEqual([1_000, 500, 500, 250, 250, 250, 250]);
    });

    it('opens when half of twenty calls failed, however they lie among the others', async () => {
      const target = createTarget();
      let opened = 0;
      for (let call = 1; call <= 20 && opened === 0; call++) {
        offsetMs += 1_001;
        await admit(target);
        if (call % 2 === 0) await on((store) => store.noteSuccess(target.origin));
        else if (await on((store) => store.noteFailure(target, 5_000))) opened = call;
      }
      expect(opened).toBe(19);
    });
  });

  it('R14: has a rate of its own for each client of an endpoint, and one breaker for all', async () => {
    const [slow, fast] = [createTarget(), createTarget()];
    const atSlow = { ...fast, origin: slow.origin };
    await admit(slow);
    expect(await admit(atSlow, { callsPerSecond: 100 })).not.toBeNull();
    for (let call = 1; call <= 5; call++) await on((store) => store.noteFailure(slow, 5_000));
    offsetMs += 1_001;
    expect(await admit(atSlow)).toBeNull();
    expect(await admit({ ...createTarget(), origin: slow.origin })).toBeNull();
  });

  it('R7: puts the next call off, and never brings it forward; long only for several connections', async () => {
    const target = createTarget();
    const neighbour = { ...target, connectionRef: createId() };
    await admit(target);
    await on((store) => store.delay(target, 900));
    await on((store) => store.delay(target, 5));
    offsetMs += 29_000;
    expect(await admit(target)).toBeNull();
    offsetMs += 1_100;
    expect(await admit(target)).toMatchObject({ isSuspected: true });
    await on((store) => store.delay(neighbour, 900));
    offsetMs += 899_000;
    expect(await admit(target)).toBeNull();
    expect((await database.stores.callPace.listBlocked()).providerIds).not.toContain(target.providerId);
    offsetMs += 1_100;
    await on((store) => store.clearSuspicion(target));
    expect(await admit(target)).toMatchObject({ isSuspected: false });
    await on((store) => store.delay(target, 900));
    expect((await database.stores.callPace.listBlocked()).providerIds).toContain(target.providerId);
    offsetMs += 30_100;
    expect(await admit(target)).not.toBeNull();
  });

  it('R9: stops a provider that refuses two connections, for one version of its profile, until one call is served', async () => {
    const { providerId } = await insertProvider(database);
    const target = { ...createTarget(), providerId };
    const neighbour = { ...target, connectionRef: createId() };
    const refuse = (at: typeof target) => on((store) => store.noteRefusal(at, 60));
    expect([await refuse(target), await refuse(target)]).toEqual(['suspected', null]);
    expect(await admit(target)).toMatchObject({ isSuspected: true });
    await on((store) => store.clearSuspicion(target));
    expect([await refuse(neighbour), await refuse(target), await refuse(neighbour)]).toEqual([
      'suspected',
      'stopped',
      null,
    ]);
    offsetMs += 1_001;
    expect(await admit(target)).toBeNull();
    expect(await admit({ ...target, origin: createTarget().origin })).toBeNull();
    expect((await database.stores.callPace.findState(target)).stopWaitMs).toBeGreaterThan(0);
    expect((await database.stores.callPace.listBlocked()).providerIds).toContain(providerId);
    expect(await database.stores.callPace.list()).toContainEqual(
      expect.objectContaining({ key: `provider:${providerId}`, state: 'stopped' }),
    );
    expect(await admit({ ...target, profileVersion: 2 })).not.toBeNull();
    offsetMs += 60_100;
    const probe = (at: typeof target) => on((store) => store.takeStopProbe(at, 60));
    expect(await probe(neighbour)).toBe(false);
    const tries = Array.from({ length: 8 }, () => probe(target));
    expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
    await on((store) => store.resume(providerId));
    expect(await admit(target)).not.toBeNull();
  });
});
