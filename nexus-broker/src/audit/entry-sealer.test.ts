import { toEpochMs, toInstant } from '@nexus/core/clock';
import { createDataKey } from '@nexus/vault/key-ring';
import { openVault } from '@nexus/vault/vault';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { AuditEntry } from '../domain/audit-event.js';
import type { Database } from '../stores/database.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { findBreaks, provider, SealingRig, wideMs } from './sealing-fixture.js';

describeEachDatabase('sealing entries', (open) => {
  const rigs: SealingRig[] = [];
  let rig: SealingRig;
  beforeEach(async () => {
    rig = await SealingRig.open(await open());
    rigs.push(rig);
  });
  afterAll(async () => {
    for (const opened of rigs) await opened[Symbol.asyncDispose]();
  });

  it('puts entries in the order of time and id, in whatever order they were committed', async () => {
    const entries = Array.from({ length: 20 }, (_, index) => rig.entry(Math.floor(index / 3)));
    await rig.write(...entries.slice(7));
    await rig.write(...entries.slice(0, 7));
    const sealing = await rig.createSealing();
    await sealing.seal();
    const inOrder = [...entries].sort((a, b) => (key(a) < key(b) ? -1 : 1)).map(({ id }) => id);
    expect(await rig.sealedIds()).toEqual(inOrder);
    expect(findBreaks(await rig.chain())).toEqual([]);
    await sealing.seal(wideMs);
    expect(await rig.sealedIds()).toEqual(inOrder);
  });

  it('seals everything of a log that has no chain yet, however old and however much', async () => {
    const old = Array.from({ length: 3 }, (_, index) => rig.entry((index + 1) * 86_400_000));
    await rig.write(...old);
    await rig.writeMany(1_201);
    await (await rig.createSealing()).seal();
    const chain = await rig.chain();
    expect(chain).toHaveLength(1_204);
    expect(findBreaks(chain)).toEqual([]);
  });

  it('finds what a slow transaction commits late, at once or at the wide look, and nothing older', async () => {
    const sealing = await rig.createSealing();
    await rig.writeMany(3);
    await sealing.seal();
    const [slow, slower, lost] = [rig.entry(1_500), rig.entry(100_000), rig.entry(130_000)];
    await rig.write(slow, slower, lost);
    await sealing.seal();
    expect((await rig.sealedIds()).slice(3)).toEqual([slow.id]);
    await sealing.seal(wideMs);
    expect((await rig.sealedIds()).slice(3)).toEqual([slow.id, slower.id]);
    expect(findBreaks(await rig.chain())).toEqual([]);
    expect((await rig.database.stores.audit.listUnsealed(null, 10)).entries).toMatchObject([{ id: lost.id }]);
  });

  it('finds by a walk through the whole log what is older than any window, and looks back no further for it', async () => {
    const sealing = await rig.createSealing();
    const [newest] = await rig.writeMany(1);
    await sealing.seal();
    const late = Array.from({ length: 1_300 }, (_, index) => rig.entry(86_400_000 - index));
    await rig.write(...late, { ...rig.entry(3_600_000), mac: Buffer.alloc(32) });
    await sealing.seal(wideMs);
    expect(await rig.sealedIds()).toHaveLength(1);
    await sealing.scan();
    expect(await rig.sealedIds()).toEqual([newest?.id, ...late.map(({ id }) => id)]);
    expect(findBreaks(await rig.chain())).toEqual([]);
    expect([sealing.refused.length, sealing.position.end.createdAt]).toEqual([1, newest?.createdAt]);
  });

  it('says how long the oldest entry waits that a walk found, until it is sealed', async () => {
    let isBroken = true;
    const database: Database = {
      ...rig.database,
      transaction: (work) => (isBroken ? Promise.reject(new Error('disk full')) : rig.database.transaction(work)),
    };
    await rig.writeMany(1);
    await (await rig.createSealing()).seal();
    const sealing = await rig.createSealing(database);
    const late = rig.entry(86_400_000);
    await rig.write(late);
    expect(await sealing.entries.findOldestWaiting(wideMs)).toBeNull();
    await expect(sealing.scan()).rejects.toThrow('disk full');
    expect(await sealing.entries.findOldestWaiting(wideMs)).toBe(late.createdAt);
    isBroken = false;
    await sealing.scan();
    expect(await sealing.entries.findOldestWaiting(wideMs)).toBeNull();
  });

  it('leaves rows that are dated ahead to the walk', async () => {
    const sealing = await rig.createSealing();
    await rig.writeMany(1);
    await sealing.seal();
    const ahead = Array.from({ length: 3 }, () => ({ ...rig.entry(-86_400_000), mac: Buffer.alloc(32) }));
    await rig.write(...ahead);
    await sealing.seal(wideMs);
    expect([await sealing.entries.findOldestWaiting(wideMs), sealing.refused]).toEqual([null, []]);
    await sealing.scan();
    expect(sealing.refused).toHaveLength(3);
  });

  it('verifies a refused entry once, however often it comes by', async () => {
    let macs = 0;
    const mac: typeof rig.vault.mac = (...given) => {
      macs += 1;
      return rig.vault.mac(...given);
    };
    const vault = new Proxy(rig.vault, {
      get: (target, name) => (name === 'mac' ? mac : Reflect.get(target, name).bind(target)),
    });
    await rig.write(...Array.from({ length: 20 }, () => ({ ...rig.entry(), mac: Buffer.alloc(32) })));
    const sealing = await rig.createSealing(rig.database, vault);
    for (let round = 0; round < 5; round++) await sealing.seal();
    expect([macs, sealing.refused.length]).toEqual([20, 20]);
  });

  it('looks back from now where the newest entry is ahead of the clock', async () => {
    await rig.write(rig.entry(-3_600_000));
    const sealing = await rig.createSealing();
    await sealing.seal();
    const entry = rig.entry();
    await rig.write(entry);
    await sealing.seal();
    expect(await rig.sealedIds()).toContain(entry.id);
  });

  it('makes one chain however many seal at once', async () => {
    const entries = await rig.writeMany(3_000);
    const sealings = await Promise.all(Array.from({ length: 6 }, () => rig.createSealing()));
    await Promise.all(sealings.map((sealing) => sealing.seal()));
    const chain = await rig.chain();
    expect(findBreaks(chain)).toEqual([]);
    expect(chain.map(({ link }) => link.eventId).sort()).toEqual(entries.map(({ id }) => id).sort());
    for (const sealing of sealings) {
      await sealing.seal();
      expect(sealing.position.end.seq).toBe(3_000);
    }
  });

  it('goes on where another stopped, in the middle or with an answer lost on the way', async () => {
    const entries = await rig.writeMany(1_700);
    const first = await rig.createSealing();
    let batches = 0;
    await first.entries.seal(wideMs, async () => ++batches < 2);
    expect((await rig.chain()).length).toBe(500);
    let transactions = 0;
    const cutOff: Database = {
      ...rig.database,
      async transaction(work) {
        transactions += 1;
        const result = await rig.database.transaction(work);
        if (transactions === 1) throw new Error('the connection broke after the commit');
        return result;
      },
    };
    const second = await rig.createSealing(cutOff);
    await expect(second.seal()).rejects.toThrow('after the commit');
    expect((await rig.chain()).length).toBe(750);
    await second.seal();
    const chain = await rig.chain();
    expect(findBreaks(chain)).toEqual([]);
    expect(chain.map(({ link }) => link.eventId)).toEqual(entries.map(({ id }) => id));
  });

  describe('an entry no Broker wrote', () => {
    const other = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
    const forgeries: readonly (readonly [string, string, (entry: AuditEntry) => Partial<AuditEntry>])[] = [
      ['another text', 'hash', ({ entry }) => ({ entry: entry.replace('success', 'refused') })],
      ['another hash', 'hash', () => ({ entryHash: Buffer.alloc(32) })],
      ['another mac', 'mac', () => ({ mac: Buffer.alloc(32, 1) })],
      ['the id of a key for something else', 'mac', () => ({ macKey: 1 })],
      ['the id of a key nobody has', 'unknown key', () => ({ macKey: 77 })],
      ['another id', 'columns', () => ({ id: other })],
      ['another time', 'columns', ({ createdAt }) => ({ createdAt: toInstant(toEpochMs(createdAt) - 1_000) })],
      ['another type', 'columns', () => ({ eventType: 'token.refreshed' })],
      ['another outcome', 'columns', () => ({ outcome: 'refused' })],
      ['another actor', 'columns', () => ({ actorId: other })],
      ['another connection', 'columns', () => ({ connectionRef: other })],
      ['another resource', 'columns', () => ({ resourceId: other })],
      ['another agent', 'columns', () => ({ agentId: other })],
      ['another workspace', 'columns', () => ({ workspaceId: other })],
    ];

    it.each(forgeries)('with %s is told of once and not sealed', async (_name, fault, change) => {
      const [before, genuine, after] = [rig.entry(3), rig.entry(2), rig.entry(1)];
      const forged = { ...genuine, ...change(genuine) };
      await rig.write(before, forged, after);
      const sealing = await rig.createSealing();
      await sealing.seal();
      await sealing.seal(wideMs);
      expect(await rig.sealedIds()).toEqual([before.id, after.id]);
      expect([sealing.entries.refused, sealing.refused]).toEqual([1, [`${forged.id} ${fault}`]]);
      expect(await sealing.entries.findOldestWaiting(wideMs)).toBeNull();
    });

    it('does not keep others from being sealed, however many there are', async () => {
      const forged = Array.from({ length: 1_100 }, () => ({ ...rig.entry(5), mac: Buffer.alloc(32) }));
      await rig.write(...forged);
      const entry = rig.entry();
      await rig.write(entry);
      const sealing = await rig.createSealing();
      await sealing.seal();
      expect(await rig.sealedIds()).toEqual([entry.id]);
      expect(sealing.entries.refused).toBe(1_100);
    });
  });

  it('learns a newer audit key that another Broker uses already', async () => {
    const newer = await createDataKey({
      provider,
      kekId: 'primary',
      id: 20,
      purpose: 'audit',
      now: toInstant(rig.clock.now()),
      state: 'active',
    });
    const rows = [...rig.rows];
    const vault = await openVault({ provider, loadRows: async () => rows });
    rig.rows.push(newer);
    await rig.vault.reload();
    const entry = rig.entry();
    expect(entry.macKey).toBe(20);
    await rig.write(entry);
    const behind = await rig.createSealing(rig.database, vault);
    await behind.seal();
    expect([await rig.sealedIds(), behind.entries.refused]).toEqual([[], 1]);
    rows.push(newer);
    await vault.reload();
    await behind.seal();
    expect([await rig.sealedIds(), behind.entries.refused]).toEqual([[entry.id], 0]);
  });
});

function key({ createdAt, id }: AuditEntry): string {
  return `${createdAt} ${id}`;
}
