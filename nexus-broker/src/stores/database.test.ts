import { toEpochMs } from '@nexus/core/clock';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase, type Stores } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createEntry, createKey, createProvider, insertProvider } from './store-fixture.js';

function createGate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

describeEachDatabase('database', (open, fixture) => {
  let database: Database;
  let url: string;
  beforeAll(async () => {
    url = await fixture.createUrl();
    database = await open({ url });
  });

  it('says which engine it is and answers a ping', async () => {
    expect(database.engine).toBe(fixture.engine);
    await database.ping();
  });

  it('tells the time in the one format of instants, moved by the test offset', async () => {
    const instant = await database.now();
    expect(instant).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Math.abs(toEpochMs(instant) - Date.now())).toBeLessThan(5000);
    for (const offset of [86_400_000, -86_400_000, 1]) {
      const moved = await open({ clockOffsetMs: offset, migrate: false });
      expect(Math.abs(toEpochMs(await moved.now()) - Date.now() - offset)).toBeLessThan(5000);
    }
  });

  it('commits everything a transaction did, and returns what it returned', async () => {
    const [provider, key] = [createProvider(), createKey()];
    const result = await database.transaction(async (stores) => {
      await stores.providers.insert(provider);
      await stores.keys.insert(key);
      return 'done';
    });
    expect(result).toBe('done');
    expect(await database.stores.providers.findById(provider.providerId)).not.toBeNull();
    expect(await database.stores.keys.findById(key.keyId)).not.toBeNull();
  });

  it('keeps nothing of a transaction that throws, and throws the same error', async () => {
    const provider = createProvider();
    const error = new Error('of the work');
    await expect(
      database.transaction(async (stores) => {
        await stores.providers.insert(provider);
        throw error;
      }),
    ).rejects.toBe(error);
    expect(await database.stores.providers.findAnyById(provider.providerId)).toBeNull();
  });

  it('keeps nothing of a transaction in which a statement failed, also when the work goes on', async () => {
    const taken = await insertProvider(database);
    const [free, key] = [createProvider(), createKey()];
    const renamed = { ...free, version: 2, profile: taken.profile };
    const attempt = (goOn: (stores: Stores) => Promise<void>): Promise<void> =>
      database.transaction(async (stores) => {
        await stores.keys.insert(key);
        await stores.providers.insert(free);
        await stores.providers.update(renamed, 1).catch(() => false);
        await goOn(stores);
      });
    await expect(attempt(async () => undefined)).rejects.toThrow();
    await expect(attempt((stores) => stores.audit.insert([createEntry()]))).rejects.toThrow();
    expect(await database.stores.keys.findById(key.keyId)).toBeNull();
  });

  it('goes on after a transaction that failed', async () => {
    await expect(database.transaction(() => Promise.reject(new Error('once')))).rejects.toThrow('once');
    await insertProvider(database);
  });

  it('sees its own writes inside a transaction, and nobody else does before the commit', async () => {
    const provider = createProvider();
    await database.transaction(async (stores) => {
      await stores.providers.insert(provider);
      expect(await stores.providers.findById(provider.providerId)).not.toBeNull();
      expect(await database.stores.providers.findById(provider.providerId)).toBeNull();
    });
    expect(await database.stores.providers.findById(provider.providerId)).not.toBeNull();
  });

  it('answers reads while a transaction with writes is open', async () => {
    const gate = createGate();
    const existing = await insertProvider(database);
    const writing = database.transaction(async (stores) => {
      await stores.providers.insert(createProvider());
      await gate.opened;
    });
    expect(await database.stores.providers.findById(existing.providerId)).not.toBeNull();
    await database.ping();
    gate.open();
    await writing;
  });

  it('refuses to write outside a transaction', async () => {
    const provider = createProvider();
    await expect(database.stores.providers.insert(provider)).rejects.toThrow('transaction');
    await expect(database.stores.keys.revoke('key', '2026-01-01T00:00:00.000Z')).rejects.toThrow('transaction');
    expect(await database.stores.providers.findAnyById(provider.providerId)).toBeNull();
  });

  it('refuses stores that outlived their transaction', async () => {
    let kept: Stores | null = null;
    await database.transaction(async (stores) => {
      kept = stores;
    });
    await expect((kept as unknown as Stores).keys.insert(createKey())).rejects.toThrow();
  });

  it('loses none of 100 transactions at once', async () => {
    const keys = Array.from({ length: 100 }, () => createKey({ name: 'at once' }));
    await Promise.all(keys.map((key) => database.transaction((stores) => stores.keys.insert(key))));
    const stored = (await database.stores.keys.list()).filter((key) => key.name === 'at once');
    expect(stored).toHaveLength(100);
  });

  it('refuses what an operator might do to the audit log', async () => {
    const entry = createEntry();
    await database.transaction((stores) => stores.audit.insert([entry]));
    const statements = [
      `update audit_event set outcome = 'failure' where id = '${entry.id}'`,
      `delete from audit_event where id = '${entry.id}'`,
      fixture.engine === 'postgres'
        ? 'truncate audit_event'
        : `insert or replace into audit_event select * from audit_event where id = '${entry.id}'`,
    ];
    for (const statement of statements) {
      await expect(fixture.runSql(url, statement)).rejects.toThrow('append-only');
    }
    expect(await database.stores.audit.list({ limit: 1, resourceId: undefined })).toEqual([{ entry, seq: null }]);
  });

  it('keeps text exactly, whatever characters it has', async () => {
    for (const text of ['', ' a ', 'é', 'e\u0301', '😀', '\u0001\t\n\r', '\u200b', "''", '\\', '%_']) {
      const key = createKey({ name: text });
      await database.transaction((stores) => stores.keys.insert(key));
      expect((await database.stores.keys.findById(key.keyId))?.name).toBe(text);
    }
  });

  it('refuses text that holds NUL or a lone surrogate, in writes and reads alike', async () => {
    for (const name of ['a\u0000b', '\ud800']) {
      await expect(database.transaction((stores) => stores.keys.insert(createKey({ name })))).rejects.toMatchObject({
        code: 'invalid_request',
      });
      await expect(database.stores.providers.findByName(name)).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });
});

describe('openDatabase', () => {
  it.each(['', 'nexus.db', 'mysql://host/db', 'sqlite:', 'sqlite::memory:', 'sqlite:file.db?mode=memory'])(
    'refuses the URL %j',
    async (url) => {
      await expect(openDatabase({ url })).rejects.toThrow('A database URL is');
    },
  );

  it('does not repeat the password of a server it cannot reach', async () => {
    const error: unknown = await openDatabase({ url: 'postgres://user:hunter2@127.0.0.1:1/db' }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).not.toContain('hunter2');
  });
});
