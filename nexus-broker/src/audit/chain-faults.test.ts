import { afterAll, beforeEach, expect, it } from 'vitest';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { type Sealing, SealingRig, withoutTriggers } from './sealing-fixture.js';

/** What a Broker that has seen 12 entries, 6 of them covered by a checkpoint, makes of a database somebody changed. */
describeEachDatabase('a chain that was changed behind the Broker', (open, fixture) => {
  const rigs: SealingRig[] = [];
  let rig: SealingRig;
  let sealing: Sealing;
  let run: (statement: string) => Promise<readonly Record<string, unknown>[]>;

  beforeEach(async () => {
    const url = await fixture.createUrl();
    run = (statement) => fixture.runSql(url, statement);
    rig = await SealingRig.open(await open({ url }));
    rigs.push(rig);
    sealing = await rig.createSealing();
    await rig.writeMany(6);
    await sealing.seal();
    await sealing.checkpoints.write();
    await rig.writeMany(6);
    await sealing.seal();
  });
  afterAll(async () => {
    for (const opened of rigs) await opened[Symbol.asyncDispose]();
  });

  const cutFrom = (seq: number) => [
    `delete from audit_event where id in (select event_id from audit_chain where seq >= ${seq})`,
    `delete from audit_chain where seq >= ${seq}`,
  ];
  const zero = fixture.engine === 'postgres' ? `decode(repeat('00', 32), 'hex')` : 'zeroblob(32)';

  const forKnowing: readonly (readonly [string, readonly string[]])[] = [
    ['its tail cut', cutFrom(11)],
    ['everything gone', [...cutFrom(1), 'delete from audit_checkpoint']],
    ['another head', [`update audit_chain set hash = ${zero} where seq = 12`]],
  ];
  it.each(forKnowing)('is not sealed on by a Broker that knew it: %s', async (_name, statements) => {
    await withoutTriggers(rig.database, run, statements);
    await expectRefused(sealing);
  });

  const forAnybody: readonly (readonly [string, readonly string[]])[] = [
    ['cut below its checkpoint', cutFrom(5)],
    ['changed below its checkpoint', [`update audit_chain set hash = ${zero} where seq = 6`]],
    ['a link missing', ['delete from audit_chain where seq = 9']],
    ['an entry missing', ['delete from audit_event where id in (select event_id from audit_chain where seq = 9)']],
    [
      'an entry changed',
      [`update audit_event set outcome = 'refused' where id in (select event_id from audit_chain where seq = 9)`],
    ],
    ['a hash changed', [`update audit_chain set hash = ${zero} where seq = 9`]],
    ['a checkpoint nobody signed', [`update audit_checkpoint set note = replace(note, 'nexus', 'suxen')`]],
    ['a checkpoint of another size', ['update audit_checkpoint set size = 7']],
  ];
  it.each(forAnybody)('is not sealed on by a Broker that starts: %s', async (_name, statements) => {
    await withoutTriggers(rig.database, run, statements);
    await expectRefused(await rig.createSealing());
  });

  it('gets no link that follows one it lost a moment ago', async () => {
    await sealing.position.follow();
    await withoutTriggers(rig.database, run, cutFrom(12));
    expect(await sealing.position.append([rig.entry()])).toBe(false);
    expect((await rig.database.stores.auditChain.head())?.seq).toBe(11);
  });

  it('is not followed to a later checkpoint past what the Broker knew', async () => {
    await withoutTriggers(rig.database, run, cutFrom(9));
    const other = await rig.createSealing();
    await rig.writeMany(8);
    await other.seal();
    expect(await other.checkpoints.write()).toBe(16);
    await rig.writeMany(1);
    await expect(sealing.seal()).rejects.toMatchObject({
      message: 'The audit chain was changed at or before 12.',
    });
    expect(await rig.chain()).toHaveLength(16);
  });

  it('that is put back is sealed on', async () => {
    const [entry] = (await rig.chain()).slice(11).map(({ entry: stored }) => stored);
    await withoutTriggers(rig.database, run, [`update audit_event set outcome = 'refused' where id = '${entry?.id}'`]);
    const starting = await rig.createSealing();
    await expectRefused(starting);
    await run(`update audit_event set outcome = 'success' where id = '${entry?.id}'`);
    await starting.seal();
    expect(starting.position.end.seq).toBe(13);
  });

  it('by pruning is what it was', async () => {
    await sealing.checkpoints.write();
    await rig.writeMany(1);
    await sealing.seal();
    await rig.database.transaction(({ auditChain }) => auditChain.prune(12));
    await rig.writeMany(1);
    await sealing.seal();
    const starting = await rig.createSealing();
    await starting.seal();
    expect([sealing.position.end.seq, starting.position.end.seq]).toEqual([14, 14]);
    expect(await sealing.checkpoints.write()).toBe(14);
  });

  /** Neither link nor checkpoint is added, and the fault is named. */
  async function expectRefused(broker: Sealing): Promise<void> {
    const count = async () =>
      run('select (select count(*) from audit_chain) as links, (select count(*) from audit_checkpoint) as checkpoints');
    await rig.writeMany(1);
    const before = await count();
    await expect(broker.seal()).rejects.toMatchObject({ name: 'ChainFault' });
    await expect(broker.seal()).rejects.toMatchObject({ name: 'ChainFault' });
    if (broker.position.end.seq > 0) {
      await expect(broker.checkpoints.write()).rejects.toMatchObject({ name: 'ChainFault' });
    }
    expect(await count()).toEqual(before);
  }
});
