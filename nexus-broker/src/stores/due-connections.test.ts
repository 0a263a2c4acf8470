import { type Instant, toInstant } from '@nexus/core/clock';
import { beforeAll, expect, it } from 'vitest';
import type { StoreCredentialInput } from './connection-changes.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createCredentialInput, insertConnection, insertProvider } from './store-fixture.js';

const now = Date.UTC(2026, 0, 2, 12);

describeEachDatabase('due connections', (open, fixture) => {
  let database: Database;
  let url: string;
  let providerId: string;
  beforeAll(async () => {
    url = await fixture.createUrl();
    database = await open({ url });
  });

  async function plant(values: Partial<StoreCredentialInput> = {}, readAt: Instant | null = toInstant(now)) {
    const connection = await insertConnection(database, providerId);
    const due = { refreshAfter: now - 1, accessExpiresAt: now / 1_000 + 600 };
    await database.transaction(async ({ connections }) => {
      await connections.storeCredential(createCredentialInput(connection, { ...due, ...values }));
      if (readAt !== null) await connections.touchRead([connection.connectionRef], readAt);
    });
    return connection.connectionRef;
  }
  async function findDue(limit = 50, origins: readonly string[] = [], providerIds: readonly string[] = []) {
    const readSince = toInstant(now - 86_400_000);
    const except = { origins, providerIds };
    const found = await database.stores.dueConnections.findDue({ now, readSince, except, limit });
    return found.map(({ connectionRef }) => connectionRef).sort();
  }
  const set = (ref: string, change: string) =>
    fixture.runSql(url, `update connection set ${change} where connection_ref = '${ref}'`);

  it('finds what is due, was read within a day, and may be called now', async () => {
    ({ providerId } = await insertProvider(database));
    const due = await plant();
    await plant({ refreshAfter: now + 1 });
    await plant({ hasRefreshToken: false });
    await plant({}, null);
    await plant({}, toInstant(now - 86_400_001));
    await set(await plant(), "lease_until = '2999-01-01T00:00:00.000Z'");
    await set(await plant(), "next_attempt_at = '2999-01-01T00:00:00.000Z'");
    await set(await plant(), "last_call_at = '2999-01-01T00:00:00.000Z'");
    await set(await plant(), "status = 'attention'");
    const inDoubt = await plant();
    await set(inDoubt, "last_call_at = '2999-01-01T00:00:00.000Z', intent_id = 'lost'");
    expect(await findDue()).toEqual([due, inDoubt].sort());
    expect(await findDue(50, ['https://provider.example'])).toEqual([]);
    expect(await findDue(50, [], [providerId])).toEqual([]);
    await set(inDoubt, "status = 'attention'");
    await set(due, "status = 'attention'");
  });

  it('takes those whose token ends first where there are too many', async () => {
    ({ providerId } = await insertProvider(database));
    const refs: string[] = [];
    for (const minutes of [50, 10, 30, 20, 40]) refs.push(await plant({ accessExpiresAt: now / 1_000 + minutes * 60 }));
    expect(await findDue(2)).toEqual([refs[1], refs[3]].sort());
  });

  it('R14: looks only at what is due, however much is in use', async () => {
    const { indexdef } = (
      await fixture.runSql(
        url,
        fixture.engine === 'postgres'
          ? "select indexdef from pg_indexes where indexname = 'connection_due'"
          : "select sql as indexdef from sqlite_master where name = 'connection_due'",
      )
    )[0] as { indexdef: string };
    expect(indexdef.replaceAll('"', '')).toMatch(/\(refresh_after, last_read_at\)/);
  });

  it('finds grants that were not used for long, read or not and due or not', async () => {
    ({ providerId } = await insertProvider(database));
    const idle = await plant({ refreshAfter: null, accessExpiresAt: null, at: toInstant(now - 10_000) }, null);
    await plant({ at: toInstant(now) }, null);
    const input = { providerId, lastOkBefore: toInstant(now - 10_000), limit: 50 };
    const found = await database.stores.dueConnections.findIdle(input);
    expect(found.map(({ connectionRef }) => connectionRef)).toEqual([idle]);
  });
});
