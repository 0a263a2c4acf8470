import { beforeAll, expect, it } from 'vitest';
import type { ApiKey } from '../domain/api-key.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createHashText, createId, createKey } from './store-fixture.js';

const noon = '2026-01-02T12:00:00.000Z';

describeEachDatabase('key store', (open) => {
  let database: Database;
  beforeAll(async () => {
    database = await open();
  });
  const insert = async (values: Partial<ApiKey> = {}): Promise<ApiKey> => {
    const key = createKey(values);
    await database.transaction((stores) => stores.keys.insert(key));
    return key;
  };

  it('finds a key by its hash and by its id', async () => {
    const key = await insert({ role: 'agent', agentId: 'agent', expiresAt: noon });
    expect(await database.stores.keys.findByHash(key.keyHash)).toEqual(key);
    expect(await database.stores.keys.findById(key.keyId)).toEqual(key);
    expect(await database.stores.keys.findByHash(createHashText())).toBeNull();
    expect(await database.stores.keys.findById(createId())).toBeNull();
  });

  it('counts and lists every key', async () => {
    const scratch = await open();
    expect(await scratch.stores.keys.count()).toBe(0);
    const keys = [createKey(), createKey()].sort((a, b) => (a.keyId < b.keyId ? -1 : 1));
    for (const key of keys) await scratch.transaction((stores) => stores.keys.insert(key));
    expect(await scratch.stores.keys.count()).toBe(2);
    expect(await scratch.stores.keys.list()).toEqual(keys);
  });

  it('lets exactly one of 32 revocations win, and keeps the time of that one', async () => {
    const key = await insert();
    const results = await Promise.all(
      Array.from({ length: 32 }, () => database.transaction((stores) => stores.keys.revoke(key.keyId, noon))),
    );
    expect(results.filter(Boolean)).toHaveLength(1);
    expect(await database.transaction((stores) => stores.keys.revoke(key.keyId, '2027-01-01T00:00:00.000Z'))).toBe(
      false,
    );
    expect((await database.stores.keys.findById(key.keyId))?.revokedAt).toBe(noon);
  });

  it('writes the last use at most once a minute', async () => {
    const key = await insert();
    const touch = async (at: string): Promise<string | null | undefined> => {
      await database.transaction((stores) => stores.keys.touch(key.keyId, at));
      return (await database.stores.keys.findById(key.keyId))?.lastUsedAt;
    };
    expect(await touch(noon)).toBe(noon);
    expect(await touch('2026-01-02T12:00:59.999Z')).toBe(noon);
    expect(await touch('2026-01-02T12:01:00.000Z')).toBe('2026-01-02T12:01:00.000Z');
  });
});
