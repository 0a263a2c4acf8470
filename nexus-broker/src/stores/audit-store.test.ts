import { toInstant } from '@nexus/core/clock';
import { beforeAll, expect, it } from 'vitest';
import type { AuditEntry } from '../domain/audit-event.js';
import type { AuditFilter } from './audit-query.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createEntry, createId } from './store-fixture.js';

describeEachDatabase('audit store', (open) => {
  let database: Database;
  beforeAll(async () => {
    database = await open();
  });
  const insert = async (...entries: AuditEntry[]): Promise<void> =>
    database.transaction((stores) => stores.audit.insert(entries));
  const listIds = async (filter: Partial<AuditFilter>): Promise<string[]> =>
    (await database.stores.audit.list({ limit: 500, ...filter })).map(({ entry }) => entry.id).reverse();

  it('gives back an entry as it was inserted', async () => {
    const entry = createEntry({
      actorId: 'key',
      connectionRef: createId(),
      resourceId: 'resource',
      agentId: 'agent',
      workspaceId: 'workspace',
      entry: '{"text":"ä €"}',
    });
    await insert(entry);
    expect(await database.stores.audit.list({ connectionRef: entry.connectionRef ?? '', limit: 9 })).toEqual([
      { entry, seq: null },
    ]);
  });

  it('inserts more entries at once than one statement takes', async () => {
    const connectionRef = createId();
    await insert(...Array.from({ length: 1201 }, () => createEntry({ connectionRef })));
    expect(await listIds({ connectionRef, limit: 2000 })).toHaveLength(1201);
    await insert();
  });

  it('filters by each field alone and by all together', async () => {
    const connectionRef = createId();
    const fields = { connectionRef, resourceId: createId(), agentId: createId(), workspaceId: createId() };
    const entry = createEntry({ ...fields, actorId: createId(), outcome: 'refused' });
    await insert(entry, createEntry({ outcome: 'refused' }), createEntry({ connectionRef }));
    const actor = entry.actorId ?? '';
    const { resourceId, agentId, workspaceId } = fields;
    for (const filter of [
      { resourceId },
      { agentId },
      { actor },
      { workspaceId },
      { connectionRef, outcome: 'refused' as const },
    ]) {
      expect(await listIds(filter)).toEqual([entry.id]);
    }
    expect(await listIds({ ...fields, actor, outcome: 'refused' })).toEqual([entry.id]);
    expect(await listIds({ ...fields, actor, outcome: 'success' })).toEqual([]);
  });

  it('selects exact event types and prefixes, several at once', async () => {
    const connectionRef = createId();
    const types = [
      'token.retrieved',
      'token.refreshed',
      'connection.revoked',
      'connection.requested',
      'key.created',
    ] as const;
    const entries = types.map((eventType) => createEntry({ connectionRef, eventType }));
    await insert(...entries);
    const select = async (...eventTypes: string[]): Promise<string[]> => {
      const ids = await listIds({ connectionRef, eventTypes });
      return entries.filter((entry) => ids.includes(entry.id)).map((entry) => entry.eventType);
    };
    expect(await select('token.*')).toEqual(['token.retrieved', 'token.refreshed']);
    expect(await select('key.created')).toEqual(['key.created']);
    expect(await select('connection.*', 'key.created')).toEqual([
      'connection.revoked',
      'connection.requested',
      'key.created',
    ]);
    expect(await select('tok.*', 'TOKEN.*', 'token.', 't%', 'key_created')).toEqual([]);
    expect(await select()).toEqual([...types]);
  });

  it('includes `since` and leaves out `until`', async () => {
    const connectionRef = createId();
    const at = [1, 2, 3].map((ms) => toInstant(Date.UTC(2026, 0, 1) + ms));
    const entries = at.map((createdAt) => createEntry({ connectionRef, createdAt }));
    await insert(...entries);
    expect(await listIds({ connectionRef, since: at[1], until: at[2] })).toEqual([entries[1]?.id]);
  });

  it('pages by time from the newest, every entry once, also where many share an instant', async () => {
    const connectionRef = createId();
    const entries = Array.from({ length: 25 }, (_, i) =>
      createEntry({ connectionRef, createdAt: toInstant(Date.UTC(2026, 0, 1) + Math.floor(i / 10)) }),
    );
    await insert(...entries);
    const seen: AuditEntry[] = [];
    for (;;) {
      const last = seen.at(-1);
      const cursor = last === undefined ? undefined : { createdAt: last.createdAt, id: last.id };
      const page = await database.stores.audit.list({ connectionRef, limit: 4, cursor });
      if (page.length === 0) break;
      seen.push(...page.map(({ entry }) => entry));
    }
    const keys = entries.map((entry) => `${entry.createdAt} ${entry.id}`).sort();
    expect(seen.map((entry) => `${entry.createdAt} ${entry.id}`)).toEqual(keys.reverse());
  });

  it('refuses an id twice and then keeps nothing of the batch', async () => {
    const entry = createEntry();
    await insert(entry);
    const other = createEntry({ connectionRef: createId() });
    await expect(insert(other, entry)).rejects.toThrow();
    expect(await listIds({ connectionRef: other.connectionRef ?? '' })).toEqual([]);
  });
});
