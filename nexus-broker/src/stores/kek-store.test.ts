import { randomBytes } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';

describeEachDatabase('key-encryption key store', (open) => {
  let database: Database;
  const probe = { probe: randomBytes(92), probeKcv: randomBytes(16) };
  beforeAll(async () => {
    database = await open();
  });
  const insert = (id: string, state: 'added' | 'primary') =>
    database.transaction((stores) => stores.keks.insert({ id, state, ...probe }));
  const change = (...[id, from, to]: Parameters<Database['stores']['keks']['changeState']>) =>
    database.transaction((stores) => stores.keks.changeState(id, from, to));

  it('keeps a key once, as it was added first', async () => {
    expect([await insert('one', 'primary'), await insert('two', 'added'), await insert('one', 'added')]).toEqual([
      true,
      true,
      false,
    ]);
    const found = await database.stores.keks.find('one');
    expect(found).toMatchObject({ id: 'one', state: 'primary', retiredAt: null, ...probe });
    expect(found?.promotedAt).not.toBeNull();
    expect(await database.stores.keks.find('three')).toBeNull();
    expect((await database.stores.keks.list()).map(({ id }) => id)).toEqual(['one', 'two']);
  });

  it('changes a state only from one that was named, and remembers when', async () => {
    expect(await change('two', ['primary'], 'retired')).toBe(false);
    expect(await change('two', ['added', 'decrypt-only'], 'primary')).toBe(true);
    expect((await database.stores.keks.find('two'))?.promotedAt).not.toBeNull();
    expect(await change('one', ['primary'], 'decrypt-only')).toBe(true);
    expect(await change('one', ['decrypt-only'], 'retired')).toBe(true);
    const retired = await database.stores.keks.find('one');
    expect([retired?.state, retired?.retiredAt === null]).toEqual(['retired', false]);
  });
});
