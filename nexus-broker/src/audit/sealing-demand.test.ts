import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@nexus/core/clock';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Database, Stores } from '../stores/database.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { SealingRig } from './sealing-fixture.js';

/** What the sealer does when it is asked, when time passes and when the clock is set. */
describeEachDatabase('the audit sealer', (open, fixture) => {
  let rig: SealingRig;
  let url = '';
  beforeEach(async () => {
    url = await fixture.createUrl();
    rig = await SealingRig.open(await open({ url }));
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rig[Symbol.asyncDispose]();
  });

  async function waitFor(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
    for (let tries = 0; !(await isSo()); tries++) {
      if (tries === 400) throw new Error(`in vain: ${what}`);
      await sleep(25);
    }
  }
  /** Lets the process believe that this much time has passed. */
  const passTime = (ms: number) => {
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + ms);
  };
  const checkpointSizes = async () =>
    (await rig.database.stores.auditChain.listCheckpoints({ from: null, to: null, limit: 100 })).map(
      ({ size }) => size,
    );

  it('walks through the whole log every hour', async () => {
    const sealer = await rig.createSealer();
    sealer.start();
    await rig.writeMany(1);
    await waitFor('it seals', async () => (await rig.chain()).length === 1);
    await sleep(600);
    const late = rig.entry(86_400_000);
    await rig.write(late);
    await sleep(600);
    expect(await rig.chain()).toHaveLength(1);
    passTime(3_600_000);
    await waitFor('the entry is sealed', async () => (await rig.sealedIds()).includes(late.id));
  });

  it('walks through the whole log once all have noticed that the clock was set', async () => {
    let aheadMs = 0;
    const clock: Clock = { now: () => Date.now() + aheadMs };
    const sealer = await rig.createSealer({ clock });
    sealer.start();
    await rig.writeMany(1);
    await waitFor('it seals', async () => (await rig.chain()).length === 1);
    await sleep(600);
    aheadMs = 300_000;
    await rig.write(rig.entry(-300_000));
    await waitFor('it seals', async () => (await rig.chain()).length === 2);
    const late = rig.entry();
    await rig.write(late);
    await sleep(600);
    expect(await rig.chain()).toHaveLength(2);
    passTime(61_000);
    aheadMs += 61_000;
    await waitFor('the entry is sealed', async () => (await rig.sealedIds()).includes(late.id));
  });

  it('seals once for all who ask meanwhile', async () => {
    let looks = 0;
    const { stores } = rig.database;
    const listUnsealed: typeof stores.audit.listUnsealed = (...given) => {
      looks += 1;
      return stores.audit.listUnsealed(...given);
    };
    const counted: Stores = Object.create(stores, { audit: { value: { ...stores.audit, listUnsealed } } });
    const database: Database = { ...rig.database, isExclusive: true, stores: counted };
    const sealer = await rig.createSealer({ database });
    await rig.writeMany(3);
    await Promise.all(Array.from({ length: 300 }, () => sealer.sealNow()));
    expect([await rig.chain(), looks]).toMatchObject([{ length: 3 }, 1]);
  });

  it('signs once for all who ask within some seconds', async () => {
    const sealer = await rig.createSealer();
    const asked: Promise<void>[] = [];
    for (let round = 1; round <= 6; round++) {
      await rig.writeMany(1);
      asked.push(sealer.checkpointSoon());
      if (round === 1) await asked[0];
      await sleep(50);
    }
    await Promise.all(asked);
    expect(await checkpointSizes()).toEqual([1, 6]);
  });

  // SQLite takes no lease.
  const itWithLease = fixture.engine === 'postgres' ? it : () => undefined;
  itWithLease('covers everything on demand although it loses the lease', async () => {
    let isArmed = false;
    const database: Database = {
      ...rig.database,
      async transaction(work) {
        const result = await rig.database.transaction(work);
        if (isArmed && (await rig.chain()).length > 0) {
          isArmed = false;
          await fixture.runSql(url, `update job_lease set owner = 'other', until = '2999-01-01T00:00:00.000Z'`);
          passTime(2_500);
        }
        return result;
      },
    };
    const sealer = await rig.createSealer({ database });
    sealer.start();
    const owners = () => fixture.runSql(url, `select owner from job_lease where name = 'audit-sealer'`);
    await waitFor('it seals', async () => (await owners()).length === 1);
    isArmed = true;
    await rig.writeMany(1_000);
    await sealer.checkpointNow();
    expect((await checkpointSizes()).at(-1)).toBe(1_000);
  });
});
