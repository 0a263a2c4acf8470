import { randomBytes } from 'node:crypto';
import type { KeyRingRow } from '@nexus/vault/key-ring';
import { expect, it } from 'vitest';
import { describeEachDatabase } from './describe-each-database.js';
import { testTime } from './store-fixture.js';

function createRow(id: number): KeyRingRow {
  return {
    id,
    purpose: 'cred',
    state: 'active',
    alg: 1,
    wrappedBy: 'kek',
    wrapped: randomBytes(48),
    kcv: randomBytes(16),
    createdAt: testTime,
    activatedAt: testTime,
    retiredAt: null,
  };
}

describeEachDatabase('key ring store', (open) => {
  it('lists keys by id as they were inserted, up to the largest id there is', async () => {
    const database = await open();
    const rows = [createRow(1), createRow(2), createRow(2 ** 32 - 1)];
    for (const row of [...rows].reverse()) await database.transaction((stores) => stores.keyRing.insert(row));
    expect(await database.stores.keyRing.list()).toEqual(rows);
  });

  it('never accepts an id twice', async () => {
    const database = await open();
    await database.transaction((stores) => stores.keyRing.insert(createRow(1)));
    await expect(database.transaction((stores) => stores.keyRing.insert(createRow(1)))).rejects.toThrow();
    expect(await database.stores.keyRing.list()).toHaveLength(1);
  });
});
