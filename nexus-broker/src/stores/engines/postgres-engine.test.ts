import { createScratchDatabase, type ScratchDatabase } from '@nexus/testkit/postgres';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { type Database, type DatabaseOptions, openDatabase } from '../database.js';
import { migrations } from '../migrations/registry.js';
import {
  createHashText,
  createKey,
  createProfile,
  createProvider,
  insertConnection,
  insertProvider,
} from '../store-fixture.js';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function createScratch(options: Parameters<typeof createScratchDatabase>[0] = {}): Promise<ScratchDatabase> {
  const scratch = await createScratchDatabase(options);
  cleanups.push(() => scratch[Symbol.asyncDispose]());
  return scratch;
}

async function open(options: DatabaseOptions): Promise<Database> {
  const database = await openDatabase(options);
  cleanups.push(() => database[Symbol.asyncDispose]());
  await database.migrate();
  return database;
}

async function query(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

const terminateBrokers = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name = 'nexus-broker'`;

describe('K15: a server with another locale', () => {
  it('orders refs and names by code point, not by the locale', async () => {
    const { url } = await createScratch({ icuLocale: 'en-US' });
    const texts = ['B', 'a', 'A', 'b', '_', 'á', '0', '-'];
    const byLocale = await query(
      url,
      `select t from (values ${texts.map((t) => `('${t}')`).join(', ')}) v(t) order by t`,
    );
    const byCodePoint = [...texts].sort();
    expect(byLocale.map((row) => row['t'])).not.toEqual(byCodePoint);

    const database = await open({ url });
    const { providerId } = await insertProvider(database);
    for (const connectionRef of texts) await insertConnection(database, providerId, { connectionRef });
    const listed = await database.stores.connections.list({ providerId });
    expect(listed.map((connection) => connection.connectionRef)).toEqual(byCodePoint);
    const after = await database.stores.connections.list({ providerId, after: 'B', limit: 2 });
    expect(after.map((connection) => connection.connectionRef)).toEqual(['_', 'a']);

    for (const name of ['z-b', 'z_a', 'zz', 'z']) {
      await database.transaction((stores) =>
        stores.providers.insert(createProvider({ profile: createProfile({ name }) })),
      );
    }
    const names = (await database.stores.providers.list()).map((provider) => provider.profile.name);
    expect(names.filter((name) => name.startsWith('z'))).toEqual(['z', 'z-b', 'z_a', 'zz']);
  });
});

describe('the server', () => {
  it('is refused when the URL switches durable commits off', async () => {
    const { url } = await createScratch();
    const loose = new URL(url);
    loose.searchParams.set('options', '-c synchronous_commit=off');
    await expect(openDatabase({ url: loose.href })).rejects.toThrow('synchronous_commit=off');
  });

  it('is refused in production when it does not flush to disk', async () => {
    const { url } = await createScratch();
    const rows = await query(url, `select current_setting('fsync') as fsync`);
    const opening = openDatabase({ url, requireFsync: true });
    if (rows[0]?.['fsync'] === 'off') await expect(opening).rejects.toThrow('fsync=off');
    else await (await opening)[Symbol.asyncDispose]();
  });

  it('sees by the name of a connection that it is a Broker', async () => {
    const { url } = await createScratch();
    const database = await open({ url });
    await database.ping();
    const [row] = await query(
      url,
      `select application_name from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );
    expect(row?.['application_name']).toBe('nexus-broker');
  });
});

describe('a migrator', () => {
  it('O6: may lose its connection at any moment; the next one finishes, and everything is there once', async () => {
    for (let round = 0; round < 5; round++) {
      const { url } = await createScratch();
      const first = await openDatabase({ url, poolSize: 1 });
      const interrupted = first.migrate().then(
        () => 'finished',
        () => 'interrupted',
      );
      await new Promise((resolve) => setTimeout(resolve, round * 10));
      await query(url, terminateBrokers);
      await interrupted;
      await first[Symbol.asyncDispose]();
      const second = await open({ url, clockOffsetMs: 61_000 });
      expect(await second.migrate()).toEqual([]);
      expect(await query(url, 'select name from migration')).toEqual(migrations.map(({ name }) => ({ name })));
      await insertProvider(second);
    }
  });
});

describe('a connection that breaks', () => {
  it('fails the transaction in progress with nothing kept, and the next one works', async () => {
    const { url } = await createScratch();
    const database = await open({ url, poolSize: 1 });
    const key = createKey();
    await expect(
      database.transaction(async (stores) => {
        await stores.keys.insert(key);
        await query(url, terminateBrokers);
        await stores.keys.insert(createKey({ keyHash: createHashText() }));
      }),
    ).rejects.toThrow();
    expect(await database.stores.keys.findById(key.keyId)).toBeNull();
    await database.transaction((stores) => stores.keys.insert(key));
    expect(await database.stores.keys.count()).toBe(1);
  });

  it('is replaced when it breaks while nobody uses it', async () => {
    const { url } = await createScratch();
    const database = await open({ url });
    await database.ping();
    await query(url, terminateBrokers);
    await expect
      .poll(() =>
        database.ping().then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    expect(await database.stores.keys.count()).toBe(0);
  });
});
