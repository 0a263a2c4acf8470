import { createHash } from 'node:crypto';
import { toInstant } from '@nexus/core/clock';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AuditEntry } from '../domain/audit-event.js';
import type { StoredLink } from './audit-chain-store.js';
import type { EntryPosition } from './audit-query.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createEntry, createId } from './store-fixture.js';

const start = Date.UTC(2026, 0, 1);

function createLinks(entries: readonly AuditEntry[], firstSeq = 1): StoredLink[] {
  const hash = (seq: number) => createHash('sha256').update(String(seq)).digest();
  return entries.map(({ id }, index) => {
    const seq = firstSeq + index;
    return { seq, eventId: id, prevHash: hash(seq - 1), hash: hash(seq) };
  });
}

describeEachDatabase('audit chain store', (open, fixture) => {
  let database: Database;
  let url = '';
  /** 40 entries a second apart; the first 30 are sealed. */
  let entries: AuditEntry[];

  beforeEach(async () => {
    url = await fixture.createUrl();
    database = await open({ url });
    entries = Array.from({ length: 40 }, (_, index) =>
      createEntry({ createdAt: toInstant(start + index * 1_000), connectionRef: index % 2 === 0 ? 'even' : 'odd' }),
    );
    await database.transaction(async ({ audit, auditChain }) => {
      await audit.insert(entries);
      await auditChain.insert(createLinks(entries.slice(0, 30)));
      await auditChain.insertCheckpoint({ size: 20, createdAt: toInstant(start), note: 'note', keyId: 5 });
    });
  });

  it('gives back links with their entries, in order and between two ends', async () => {
    const { auditChain } = database.stores;
    const all = await auditChain.list({ from: null, to: null, limit: 100 });
    expect(all.map(({ link }) => link.seq)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    expect(all.map(({ entry }) => entry?.id)).toEqual(entries.slice(0, 30).map(({ id }) => id));
    const some = await auditChain.list({ from: 5, to: 9, limit: 3 });
    expect(some.map(({ link }) => link.seq)).toEqual([5, 6, 7]);
    expect([(await auditChain.first())?.seq, (await auditChain.head())?.seq]).toEqual([1, 30]);
    expect([(await auditChain.find(7))?.eventId, await auditChain.find(31)]).toEqual([entries[6]?.id, null]);
    expect(await auditChain.newestCheckpoint()).toEqual({
      size: 20,
      createdAt: toInstant(start),
      note: 'note',
      keyId: 5,
    });
  });

  it('takes no number and no entry twice, and then nothing of the transaction', async () => {
    const again = [createLinks(entries.slice(30, 32), 30), createLinks(entries.slice(29, 31), 31)];
    for (const links of again) {
      let isInserted: boolean | null = null;
      await expect(
        database.transaction(async ({ auditChain }) => {
          isInserted = await auditChain.insert(links);
        }),
      ).rejects.toThrow();
      expect(isInserted).toBe(false);
    }
    expect((await database.stores.auditChain.head())?.seq).toBe(30);
  });

  it('lists what is not sealed in slices, each entry once', async () => {
    const seen: AuditEntry[] = [];
    let from: EntryPosition | null = null;
    do {
      const slice: Awaited<ReturnType<typeof database.stores.audit.listUnsealed>> =
        await database.stores.audit.listUnsealed(from, 3);
      seen.push(...slice.entries);
      from = slice.next;
    } while (from !== null);
    expect(seen.map(({ id }) => id)).toEqual(entries.slice(30).map(({ id }) => id));
    const later = { createdAt: toInstant(start + 35_000), id: '' };
    expect((await database.stores.audit.listUnsealed(later, 100)).entries).toHaveLength(5);
  });

  it('lists sealed entries by number, with every filter', async () => {
    const list = async (filter: Partial<Parameters<typeof database.stores.audit.listSealed>[0]>) =>
      (await database.stores.audit.listSealed({ limit: 100, ...filter })).map(({ seq }) => seq);
    expect(await list({})).toHaveLength(30);
    expect(await list({ afterSeq: 27 })).toEqual([28, 29, 30]);
    expect(await list({ connectionRef: 'odd', limit: 3 })).toEqual([2, 4, 6]);
    expect(await list({ since: toInstant(start + 27_000) })).toEqual([28, 29, 30]);
    expect(await list({ until: toInstant(start + 2_000) })).toEqual([1, 2]);
    expect(await list({ since: toInstant(start + 5_000), until: toInstant(start + 8_000), afterSeq: 6 })).toEqual([
      7, 8,
    ]);
    expect(await list({ eventTypes: ['token.*'] })).toHaveLength(30);
    expect(await list({ eventTypes: ['key.*'] })).toEqual([]);
  });

  it('finds entries of a time although some were sealed late', async () => {
    const hour = 3_600_000;
    const late = createEntry({ createdAt: toInstant(start + hour) });
    const others = Array.from({ length: 300 }, (_, index) =>
      createEntry({ createdAt: toInstant(start + hour + 100_000 + index * 1_000) }),
    );
    await database.transaction(async ({ audit, auditChain }) => {
      await audit.insert([late, ...others]);
      await auditChain.insert(createLinks([...others.slice(0, 40), late, ...others.slice(40)], 31));
    });
    const list = (since: number, until: number) =>
      database.stores.audit.listSealed({ limit: 1_000, since: toInstant(since), until: toInstant(until) });
    expect((await list(start + hour, start + hour + 1)).map(({ entry }) => entry.id)).toEqual([late.id]);
    expect(await list(start + hour + 200_000, start + 2 * hour)).toHaveLength(200);
    expect(await list(start, start + hour + 110_000)).toHaveLength(30 + 1 + 10);
  });

  it('A13: prunes entries with their links up to a number, and is append-only again', async () => {
    const count = await database.transactionAsOwner(({ auditChain }) => auditChain.prune(12));
    expect(count).toBe(12);
    const left = await database.stores.auditChain.list({ from: null, to: null, limit: 100 });
    expect(left.map(({ link }) => link.seq)).toEqual(Array.from({ length: 18 }, (_, index) => index + 13));
    expect(left.every(({ entry }) => entry !== null)).toBe(true);
    const rows = await fixture.runSql(url, 'select id from audit_event order by id');
    expect(rows.map(({ id }) => id)).toEqual(
      entries
        .slice(12)
        .map(({ id }) => id)
        .sort(),
    );
    await expect(fixture.runSql(url, 'delete from audit_event')).rejects.toThrow('append-only');
    await expect(fixture.runSql(url, 'delete from audit_chain')).rejects.toThrow('append-only');
  });

  it('prunes nothing when the transaction does not go through', async () => {
    const pruning = database.transactionAsOwner(async ({ auditChain }) => {
      await auditChain.prune(12);
      throw new Error('no');
    });
    await expect(pruning).rejects.toThrow('no');
    expect(await database.stores.auditChain.list({ from: null, to: null, limit: 100 })).toHaveLength(30);
    await expect(fixture.runSql(url, 'delete from audit_event')).rejects.toThrow('append-only');
  });
});

describeEachDatabase('A5: rows of the audit log', (open, fixture) => {
  let url = '';
  let before: unknown;
  const tables = {
    audit_event: ['id', 'entry'],
    audit_chain: ['seq', 'event_id'],
    audit_checkpoint: ['size', 'note'],
  } as const;
  const read = async () =>
    Promise.all(Object.keys(tables).map((table) => fixture.runSql(url, `select * from ${table} order by 1`)));

  beforeAll(async () => {
    url = await fixture.createUrl();
    const database = await open({ url });
    const entries = [createEntry({ id: createId() }), createEntry()];
    await database.transaction(async ({ audit, auditChain }) => {
      await audit.insert(entries);
      await auditChain.insert(createLinks(entries));
      await auditChain.insertCheckpoint({ size: 2, createdAt: toInstant(start), note: 'note', keyId: 5 });
    });
    before = await read();
  });

  describe.each(Object.entries(tables))('in %s', (table, [key, column]) => {
    const changes: readonly string[] = [
      `update ${table} set ${column} = ${column}`,
      `update ${table} set ${column} = 'x' where ${key} is not null`,
      `delete from ${table}`,
      `delete from ${table} where ${key} is not null`,
      `insert into ${table} select * from ${table} where true on conflict (${key}) do update set ${column} = 'x'`,
      ...(fixture.engine === 'postgres'
        ? [`truncate ${table}`, `truncate ${table} cascade`, `with gone as (delete from ${table} returning 1) select 1`]
        : [
            `insert or replace into ${table} select * from ${table}`,
            `replace into ${table} select * from ${table}`,
            `update or replace ${table} set ${column} = ${column}`,
          ]),
    ];
    it.each(changes)('cannot be changed: %s', async (statement) => {
      await expect(fixture.runSql(url, statement)).rejects.toThrow('append-only');
      expect(await read()).toEqual(before);
    });
  });
});
