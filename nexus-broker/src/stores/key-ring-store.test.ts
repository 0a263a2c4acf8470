import { randomBytes } from 'node:crypto';
import type { KeyRingRow } from '@nexus/vault/key-ring';
import { expect, it } from 'vitest';
import { describeEachDatabase } from './describe-each-database.js';
import { testTime } from './store-fixture.js';

function createRow(id: number, values: Partial<KeyRingRow> = {}): KeyRingRow {
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
    ...values,
  };
}

describeEachDatabase('key ring store', (open, fixture) => {
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

  it('lets a pre-active key take over from the active one of its purpose, by the clock of the database', async () => {
    const database = await open({ clockOffsetMs: 3_600_000 });
    const waiting = createRow(3, { state: 'pre-active', activatedAt: null });
    await database.transaction(async ({ keyRing }) => {
      for (const row of [createRow(1), createRow(2, { purpose: 'audit' }), waiting]) await keyRing.insert(row);
    });
    const activate = () => database.transaction((stores) => stores.keyRing.activate(waiting));
    expect(await activate()).toEqual([1]);
    const rows = await database.stores.keyRing.list();
    expect(rows.map(({ state }) => state)).toEqual(['decrypt-only', 'active', 'active']);
    expect(Date.parse(rows[2]?.activatedAt ?? '') - Date.now()).toBeGreaterThan(3_500_000);
    expect(rows[0]?.activatedAt).toBe(testTime);
  });

  it('activates nothing but a pre-active key', async () => {
    const database = await open();
    await database.transaction(async ({ keyRing }) => {
      await keyRing.insert(createRow(1));
      await keyRing.insert(createRow(2, { state: 'compromised' }));
    });
    for (const id of [1, 2, 3]) {
      const undone = database.transaction(async ({ keyRing }) => {
        if ((await keyRing.activate({ id, purpose: 'cred' })) === null) throw new Error('not pre-active');
      });
      await expect(undone).rejects.toThrow('not pre-active');
    }
    expect((await database.stores.keyRing.list()).map(({ state }) => state)).toEqual(['active', 'compromised']);
  });

  it('keeps one active key of a purpose when two are promoted at once', async () => {
    const url = await fixture.createUrl();
    const brokers = fixture.engine === 'postgres' ? [await open({ url }), await open({ url })] : [await open({ url })];
    const [database] = brokers;
    if (database === undefined) throw new Error('no database');
    const waiting = [2, 3].map((id) => createRow(id, { state: 'pre-active', activatedAt: null }));
    await database.transaction(async ({ keyRing }) => {
      for (const row of [createRow(1), ...waiting]) await keyRing.insert(row);
    });
    // As it is after the first change ever.
    await database.transaction((stores) => stores.keyRing.lock());
    let isSecondUnderWay = false;
    const promote = (id: number) =>
      (brokers[id - 2] ?? database).transaction(async ({ keyRing }) => {
        await keyRing.lock();
        const replaced = await keyRing.activate({ id, purpose: 'cred' });
        if (!isSecondUnderWay) {
          isSecondUnderWay = true;
          second = promote(3);
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
        return replaced;
      });
    let second: ReturnType<typeof promote> | null = null;
    expect([await promote(2), await second]).toEqual([[1], [2]]);
    const states = (await database.stores.keyRing.list()).map(({ state }) => state);
    expect(states.sort()).toEqual(['active', 'decrypt-only', 'decrypt-only']);
  });

  it('destroys a key only when it was retired for long enough, and leaves its row', async () => {
    let clockOffsetMs = 0;
    const database = await open({ clockOffsetMs: () => clockOffsetMs });
    await database.transaction((stores) => stores.keyRing.insert(createRow(1, { state: 'decrypt-only' })));
    const retire = () =>
      database.transaction((stores) => stores.keyRing.changeState(1, ['decrypt-only'], 'deactivated'));
    const destroy = () => database.transaction((stores) => stores.keyRing.destroy(1, 60));
    expect([await destroy(), await retire(), await retire(), await destroy()]).toEqual([false, true, false, false]);
    clockOffsetMs = 59_000;
    expect(await destroy()).toBe(false);
    clockOffsetMs = 60_500;
    expect([await destroy(), await destroy()]).toEqual([true, false]);
    expect(await database.stores.keyRing.find(1)).toMatchObject({ state: 'destroyed', wrapped: Buffer.alloc(0) });
  });

  it('rewraps a key only while its wrapped bytes are those that were read', async () => {
    const database = await open();
    const row = createRow(1);
    await database.transaction((stores) => stores.keyRing.insert(row));
    const next = { id: 1, wrappedBy: 'kek-2', wrapped: randomBytes(48) };
    const rewrap = (expected: Uint8Array) =>
      database.transaction((stores) => stores.keyRing.rewrap({ ...next, expected }));
    expect([await rewrap(randomBytes(48)), await rewrap(row.wrapped), await rewrap(row.wrapped)]).toEqual([
      false,
      true,
      false,
    ]);
    expect(await database.stores.keyRing.find(1)).toEqual({ ...row, wrappedBy: 'kek-2', wrapped: next.wrapped });
    expect(await database.stores.keyRing.find(2)).toBeNull();
  });
});
