import { setImmediate as nextTurn } from 'node:timers/promises';
import { toInstant } from '@nexus/core/clock';
import { beforeAll, expect, it } from 'vitest';
import type { AuditEntry } from '../domain/audit-event.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createEntry } from './store-fixture.js';

const start = Date.UTC(2026, 0, 1);
const count = 9_000;
const hash = new Uint8Array(32);

describeEachDatabase('a filter that hits little of a long log', (open) => {
  let database: Database;
  let hits: AuditEntry[];

  beforeAll(async () => {
    database = await open();
    const entries = Array.from({ length: count }, (_, index) =>
      createEntry({
        createdAt: toInstant(start + Math.floor(index / 10)),
        actorId: index % 1_500 === 1_499 ? 'rare' : 'usual',
        connectionRef: index % 2 === 0 ? 'even' : 'odd',
      }),
    ).sort((one, other) => (key(one) < key(other) ? -1 : 1));
    hits = entries.filter(({ actorId }) => actorId === 'rare');
    await database.transaction(async ({ audit, auditChain }) => {
      await audit.insert(entries);
      for (let from = 0; from < count; from += 500) {
        const page = entries.slice(from, from + 500);
        await auditChain.insert(
          page.map(({ id }, index) => ({ seq: from + index + 1, eventId: id, prevHash: hash, hash })),
        );
      }
    });
  }, 60_000);

  const ids = (rows: readonly { readonly entry: AuditEntry }[]) => rows.map(({ entry }) => entry.id);
  const rare = () => hits.map(({ id }) => id);

  it('finds all of it, the newest or the oldest first, page by page', async () => {
    const { audit } = database.stores;
    expect(hits).toHaveLength(6);
    expect(ids(await audit.list({ actor: 'rare', limit: 100 }))).toEqual(rare().reverse());
    expect(ids(await audit.listSealed({ actor: 'rare', limit: 100 }))).toEqual(rare());
    const [newest, second, third] = [...hits].reverse();
    expect(ids(await audit.list({ actor: 'rare', limit: 2 }))).toEqual([newest?.id, second?.id]);
    const cursor = { createdAt: second?.createdAt ?? '', id: second?.id ?? '' };
    expect(ids(await audit.list({ actor: 'rare', limit: 1, cursor }))).toEqual([third?.id]);
    const page = await audit.listSealed({ actor: 'rare', limit: 3 });
    expect(ids(page)).toEqual(rare().slice(0, 3));
    const afterSeq = page.at(-1)?.seq ?? 0;
    expect(ids(await audit.listSealed({ actor: 'rare', limit: 100, afterSeq }))).toEqual(rare().slice(3));
  });

  it('keeps to a time and a connection', async () => {
    const { audit } = database.stores;
    const time = { since: hits[1]?.createdAt ?? '', until: hits[4]?.createdAt ?? '' };
    expect(ids(await audit.list({ actor: 'rare', limit: 100, ...time }))).toEqual(rare().slice(1, 4).reverse());
    expect(ids(await audit.listSealed({ actor: 'rare', limit: 100, ...time }))).toEqual(rare().slice(1, 4));
    expect(await audit.listSealed({ limit: 10_000, ...time })).toHaveLength(4_500);
    const odd = { actor: 'rare', connectionRef: 'odd', limit: 100 };
    expect(ids(await audit.list(odd))).toEqual(rare().reverse());
    expect(ids(await audit.listSealed(odd))).toEqual(rare());
    expect(await audit.list({ ...odd, connectionRef: 'even' })).toEqual([]);
    expect(await audit.listSealed({ ...odd, since: toInstant(start + 86_400_000) })).toEqual([]);
  });

  it('leaves room for others between its steps', async () => {
    const { audit } = database.stores;
    const reads = [
      () => audit.list({ actor: 'nobody', limit: 100 }),
      () => audit.list({ outcome: 'refused', eventTypes: ['key.*'], limit: 100 }),
      () => audit.listSealed({ actor: 'nobody', limit: 100 }),
      () => audit.listSealed({ limit: 100, since: toInstant(start), until: toInstant(start + 1) }),
    ];
    for (const read of reads) {
      let isDone = false;
      let turns = 0;
      const reading = read().finally(() => {
        isDone = true;
      });
      while (!isDone) {
        await nextTurn();
        turns += 1;
      }
      await reading;
      expect(turns).toBeGreaterThanOrEqual(4);
    }
  });

  it('finds an entry that was sealed long after newer ones', async () => {
    const late = createEntry({ createdAt: toInstant(start - 3_600_000) });
    await database.transaction(async ({ audit, auditChain }) => {
      await audit.insert([late]);
      await auditChain.insert([{ seq: count + 1, eventId: late.id, prevHash: hash, hash }]);
    });
    const { audit } = database.stores;
    const until = toInstant(start - 3_000_000);
    expect(ids(await audit.listSealed({ limit: 10, until }))).toEqual([late.id]);
    const since = toInstant(start);
    expect((await audit.listSealed({ limit: 1, since })).map(({ seq }) => seq)).toEqual([1]);
  });
});

function key({ createdAt, id }: AuditEntry): string {
  return `${createdAt} ${id}`;
}
