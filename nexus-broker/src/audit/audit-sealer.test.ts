import { rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../stores/database.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import type { AuditSealer } from './audit-sealer.js';
import { findBreaks, SealingRig, withoutTriggers } from './sealing-fixture.js';

describeEachDatabase('the audit sealer', (open, fixture) => {
  let rig: SealingRig;
  let url = '';
  beforeEach(async () => {
    url = await fixture.createUrl();
    rig = await SealingRig.open(await open({ url }));
  });
  afterEach(async () => {
    await rig[Symbol.asyncDispose]();
  });

  async function waitFor(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
    for (let tries = 0; !(await isSo()); tries++) {
      if (tries === 400) throw new Error(`in vain: ${what}`);
      await sleep(25);
    }
  }
  const start = async (...given: Parameters<SealingRig['createSealer']>): Promise<AuditSealer> => {
    const sealer = await rig.createSealer(...given);
    sealer.start();
    return sealer;
  };
  const countSealed = async () => (await rig.chain()).length;
  const checkpointSizes = async () =>
    (await rig.database.stores.auditChain.listCheckpoints({ from: null, to: null, limit: 100 })).map(
      ({ size }) => size,
    );

  it('seals by itself, and signs at once after a pause, then no sooner than it is told', async () => {
    await start();
    await rig.writeMany(3);
    await waitFor('the entries are sealed', async () => (await countSealed()) === 3);
    await waitFor('a checkpoint', async () => (await checkpointSizes()).length === 1);
    await rig.writeMany(2);
    await waitFor('the entries are sealed', async () => (await countSealed()) === 5);
    await sleep(600);
    expect(await checkpointSizes()).toEqual([3]);
  });

  it('finds when it takes over what was committed late before', async () => {
    await rig.writeMany(2);
    await (await rig.createSealer()).checkpointNow();
    const [late, later] = [rig.entry(86_400_000), rig.entry(60_000)];
    await rig.write(late, later);
    await start();
    await waitFor('both are sealed', async () => (await countSealed()) === 4);
    expect((await rig.sealedIds()).slice(2)).toEqual([later.id, late.id]);
  });

  it('covers on demand what was committed late, too', async () => {
    const sealer = await rig.createSealer();
    await rig.writeMany(2);
    await sealer.checkpointNow();
    await rig.write(rig.entry(100_000));
    await sealer.checkpointNow();
    expect((await checkpointSizes()).at(-1)).toBe(3);
  });

  it('signs again when it is time, and not without news', async () => {
    await start({ checkpointSeconds: 1 });
    await rig.writeMany(1);
    await waitFor('a checkpoint', async () => (await checkpointSizes()).length === 1);
    await rig.writeMany(1);
    await waitFor('another checkpoint', async () => (await checkpointSizes()).length === 2);
    await sleep(1_500);
    expect(await checkpointSizes()).toEqual([1, 2]);
  });

  it('seals on demand what was committed before, and covers it where asked', async () => {
    const sealer = await start();
    for (let round = 1; round <= 5; round++) {
      await rig.writeMany(2);
      await sealer.sealNow();
      expect(await countSealed()).toBe(round * 2);
    }
    await rig.writeMany(1);
    await sealer.checkpointNow();
    expect((await checkpointSizes()).at(-1)).toBe(11);
    await sealer.checkpointNow();
    expect((await checkpointSizes()).at(-1)).toBe(11);
  });

  it('says how far it is', async () => {
    const sealer = await rig.createSealer();
    expect(await sealer.status()).toEqual({
      sealed: 0,
      lagSeconds: 0,
      refused: 0,
      checkpointSize: null,
      checkpointAt: null,
    });
    await rig.write(rig.entry(5_000), rig.entry(3_000), { ...rig.entry(9_000), mac: Buffer.alloc(32) });
    const waiting = await sealer.status();
    expect(waiting).toMatchObject({ sealed: 0, refused: 1 });
    expect(waiting.lagSeconds).toBeGreaterThanOrEqual(5);
    expect(waiting.lagSeconds).toBeLessThan(60);
    await sealer.checkpointNow();
    const [checkpoint] = await rig.database.stores.auditChain.listCheckpoints({ from: null, to: null, limit: 1 });
    expect(await sealer.status()).toEqual({
      sealed: 2,
      lagSeconds: 0,
      refused: 1,
      checkpointSize: 2,
      checkpointAt: checkpoint?.createdAt,
    });
  });

  it('is not ready once the chain was found changed twice, signs nothing more, and tells once', async () => {
    const errors: unknown[] = [];
    const sealer = await start({ checkpointSeconds: 1, onError: (error) => errors.push(error) });
    await rig.writeMany(4);
    await waitFor('a checkpoint', async () => (await checkpointSizes()).length === 1);
    expect(sealer.findObstacle()).toBeNull();
    await withoutTriggers(rig.database, (statement) => fixture.runSql(url, statement), [
      'delete from audit_chain where seq = 4',
    ]);
    await rig.writeMany(2);
    await waitFor('it notices', () => sealer.findObstacle() !== null);
    expect(sealer.findObstacle()).toBe('the audit chain is not what it was');
    await sleep(2_500);
    expect(errors).toMatchObject([
      { name: 'ChainFault', message: 'The audit chain is shorter than the 4 entries it had.' },
    ]);
    expect([await checkpointSizes(), await countSealed()]).toEqual([[4], 3]);
    await sealer.sealNow().catch(() => undefined);
    expect(await countSealed()).toBe(3);
  });

  it('is not ready while its file is away, and brings to it what it missed', async () => {
    const errors: unknown[] = [];
    const sealer = await start({ checkpointSeconds: 1, onError: (error) => errors.push(error) });
    const path = rig.checkpointPath();
    await rig.writeMany(1);
    await waitFor('a checkpoint', async () => (await rig.readCheckpointFile()).length === 1);
    await rename(path, `${path}.away`);
    expect(sealer.findObstacle()).toBe('the checkpoint file was removed, replaced or cut');
    await rig.writeMany(1);
    await waitFor('it goes on', async () => (await checkpointSizes()).length === 2);
    await sleep(2_000);
    expect(errors.length).toBeLessThanOrEqual(2);
    await rename(`${path}.away`, path);
    expect(sealer.findObstacle()).toBeNull();
    await waitFor('the line is there', async () => (await rig.readCheckpointFile()).length === 2);
  });

  it('A1: goes on by itself after the database failed it, told of once', async () => {
    let isBroken = true;
    const errors: unknown[] = [];
    const database: Database = {
      ...rig.database,
      transaction: (work) => (isBroken ? Promise.reject(new Error('disk full')) : rig.database.transaction(work)),
    };
    const sealer = await start({ database, onError: (error) => errors.push(error) });
    await rig.writeMany(3);
    await sleep(2_500);
    expect([await countSealed(), errors.length, sealer.findObstacle()]).toEqual([0, 1, null]);
    expect((await sealer.status()).lagSeconds).toBeGreaterThan(1);
    isBroken = false;
    await waitFor('the entries are sealed', async () => (await countSealed()) === 3);
  });

  it('seals and covers the last entry before it closes', async () => {
    const sealer = await start();
    await rig.writeMany(700);
    await sealer.close();
    const [sealed, sizes] = [await countSealed(), await checkpointSizes()];
    expect([sealed, sizes.at(-1)]).toEqual([700, 700]);
    expect(findBreaks(await rig.chain())).toEqual([]);
    await rig.writeMany(1);
    await sleep(600);
    expect(await countSealed()).toBe(700);
  });

  // SQLite serves one Broker.
  const describeBesideOthers = fixture.engine === 'postgres' ? describe : () => undefined;
  describeBesideOthers('beside others', () => {
    const owners = () => fixture.runSql(url, `select owner from job_lease where name = 'audit-sealer'`);

    it('works while it has the lease; when it stops, another goes on at once', async () => {
      const [first, second] = [await start(), await rig.createSealer()];
      await waitFor('the first seals', async () => (await owners()).length === 1);
      const [before] = await owners();
      second.start();
      await rig.writeMany(2);
      await waitFor('the entries are sealed', async () => (await countSealed()) === 2);
      await sleep(2_500);
      expect(await owners()).toEqual([before]);
      await first.close();
      expect(await owners()).not.toEqual([before]);
      await rig.writeMany(2);
      await waitFor('the second seals', async () => (await countSealed()) === 4);
    });

    it('answers whoever asks even while the lease is with a Broker that died', async () => {
      await rig.database.transaction(({ jobLeases }) =>
        jobLeases.acquire({ name: 'audit-sealer', owner: 'a Broker that died', seconds: 60 }),
      );
      const sealer = await start();
      await rig.writeMany(2);
      await sealer.sealNow();
      expect(await countSealed()).toBe(2);
      expect(await owners()).toEqual([{ owner: 'a Broker that died' }]);
    });
  });
});
