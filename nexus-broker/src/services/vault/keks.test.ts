import { beforeEach, expect, it } from 'vitest';
import {
  ChangingKeys,
  context,
  createKek,
  createRing,
  plantValues,
  readEntries,
  startBroker,
  type TestBroker,
} from '../../keyring/replica-fixture.js';
import type { Database } from '../../stores/database.js';
import { describeEachDatabase } from '../../stores/describe-each-database.js';
import { addKek } from './add-kek.js';
import { compromiseDataKey } from './compromise-data-key.js';
import { createDataKey } from './create-data-key.js';
import { getKeyRing } from './get-key-ring.js';
import { promoteKek } from './promote-kek.js';
import { retireKek } from './retire-kek.js';
import { rotateDataKeys } from './rotate-data-keys.js';

describeEachDatabase('key-encryption keys', (open) => {
  const both = { 'kek-1': createKek(), 'kek-2': createKek() };
  let database: Database;
  let keys: ChangingKeys;
  let broker: TestBroker;
  const add = (id = 'kek-2') => addKek(broker, { id }, context);
  const promote = (id = 'kek-2') => promoteKek(broker, { id }, context);
  const retire = (id = 'kek-1') => retireKek(broker, { id }, context);
  const wrappedBy = async () => new Set((await database.stores.keyRing.list()).map((row) => row.wrappedBy));

  beforeEach(async () => {
    database = await open();
    keys = new ChangingKeys({ 'kek-1': both['kek-1'] });
    await createRing(database, keys);
    broker = await startBroker(database, keys);
    keys.held = both;
  });

  it('replaces one while values stay readable, also for a Broker that starts with the new one only', async () => {
    const { connections } = await plantValues(database, broker.vault, 1);
    expect(await add()).toMatchObject({ kek: { id: 'kek-2', state: 'added' }, dataKeys: 0 });
    expect(await promote()).toMatchObject({ kek: { state: 'primary' }, dataKeys: 5 });
    expect([...(await wrappedBy())]).toEqual(['kek-2']);
    expect(await retire()).toMatchObject({ kek: { id: 'kek-1', state: 'retired' }, dataKeys: 0 });
    const next = await startBroker(database, new ChangingKeys({ 'kek-2': both['kek-2'] }));
    expect(next.vault.sealingKeys()).toEqual(broker.vault.sealingKeys());
    expect(connections.size).toBe(1);
    const ring = await getKeyRing(broker);
    expect(ring.keks.map(({ kek }) => [kek.id, kek.state])).toEqual([
      ['kek-1', 'retired'],
      ['kek-2', 'primary'],
    ]);
    const { key } = await createDataKey(broker, { purpose: 'cred' }, context);
    expect(key.wrappedBy).toBe('kek-2');
  });

  it('records each step', async () => {
    await add();
    await promote();
    await retire();
    expect(await readEntries(database, 'vault.*')).toMatchObject([
      { event_type: 'vault.key_added', resource_id: 'kek-2', data: { kek_id: 'kek-2' } },
      { event_type: 'vault.promoted', data: { kek_id: 'kek-2', replaced: 'kek-1', rewrapped: 5 } },
      { event_type: 'vault.retired', data: { kek_id: 'kek-1' } },
    ]);
  });

  it.each([
    ['a key that is known already', () => add('kek-1'), 'kek_exists'],
    ['a key the provider does not hold', () => add('kek-3'), 'kek_unusable'],
    ['to promote a key nobody knows', () => promote('kek-3'), 'kek_not_found'],
    ['to promote the primary', () => promote('kek-1'), 'key_state_conflict'],
    ['to retire a key nobody knows', () => retire('kek-3'), 'kek_not_found'],
    ['to retire the primary', () => retire('kek-1'), 'key_in_use'],
  ])('refuses %s', async (_what, step, code) => {
    await expect(step()).rejects.toMatchObject({ code });
    expect(await readEntries(database, 'vault.*')).toEqual([]);
  });

  it('lets one that was replaced become primary again, and one that was retired not', async () => {
    await add();
    await promote();
    await promote('kek-1');
    expect([...(await wrappedBy())]).toEqual(['kek-1']);
    await retire('kek-2');
    await expect(promote('kek-2')).rejects.toMatchObject({ code: 'key_state_conflict' });
    await expect(retire('kek-2')).rejects.toMatchObject({ code: 'key_state_conflict' });
  });

  it('changes nothing while the key provider cannot be asked', async () => {
    await add();
    keys.isAway = true;
    await expect(add('kek-3')).rejects.toMatchObject({ code: 'key_provider_unavailable', status: 503 });
    await expect(promote()).rejects.toMatchObject({ code: 'key_provider_unavailable', status: 503 });
    await expect(createDataKey(broker, { purpose: 'cred' }, context)).rejects.toMatchObject({
      code: 'key_provider_unavailable',
    });
    expect([...(await wrappedBy())]).toEqual(['kek-1']);
    keys.isAway = false;
    await promote();
  });

  it('K4: wraps nothing with other bytes that stand under the id of a key by now', async () => {
    await add();
    keys.held = { 'kek-1': createKek(), 'kek-2': createKek() };
    await keys.reload();
    const before = await database.stores.keyRing.list();
    for (const step of [
      () => createDataKey(broker, { purpose: 'cred' }, context),
      () => rotateDataKeys(broker, { purposes: ['cred'] }, context),
      () => compromiseDataKey(broker, { id: 1 }, context),
    ]) {
      await expect(step()).rejects.toMatchObject({ code: 'kek_unusable', message: expect.stringContaining('"kek-1"') });
    }
    keys.held = { 'kek-1': both['kek-1'], 'kek-2': createKek() };
    await keys.reload();
    await expect(promote()).rejects.toMatchObject({
      code: 'kek_unusable',
      message: expect.stringContaining('"kek-2"'),
    });
    expect(await database.stores.keyRing.list()).toEqual(before);
    keys.held = both;
    await keys.reload();
    await createDataKey(broker, { purpose: 'cred' }, context);
  });

  it('K4: notices other bytes that the provider read just before it wrapped', async () => {
    const wrap = keys.wrap.bind(keys);
    keys.wrap = async (...input) => {
      keys.held = { 'kek-1': createKek() };
      await keys.reload();
      return wrap(...input);
    };
    await expect(createDataKey(broker, { purpose: 'cred' }, context)).rejects.toMatchObject({ code: 'kek_unusable' });
    expect(await database.stores.keyRing.list()).toHaveLength(5);
  });

  it('K8: waits for every live replica, and names those that lag', async () => {
    const behind = await startBroker(database, new ChangingKeys({ 'kek-1': both['kek-1'] }));
    await add();
    await expect(promote()).rejects.toMatchObject({
      code: 'replicas_behind',
      message: expect.stringContaining(behind.fence.instanceId),
    });
    expect([...(await wrappedBy())]).toEqual(['kek-1']);
    behind.keyProvider.held = both;
    await behind.fence.prove();
    await behind.fence.beat();
    await promote();
    // Its provider may not lose the new key while the old one is still its only other.
    const late = new ChangingKeys(both);
    const third = await startBroker(database, late);
    const { keks } = database.stores;
    expect((await keks.find('kek-1'))?.state).toBe('decrypt-only');
    await database.transaction((stores) =>
      stores.brokerInstances.beat({
        id: third.fence.instanceId,
        version: '0.0.0',
        keks: ['kek-1'],
        sealingKeys: { ...third.vault.sealingKeys(), known: 5 },
      }),
    );
    await expect(retire()).rejects.toMatchObject({ code: 'replicas_behind' });
    await third.fence.beat();
    await retire();
  });

  it('notices a ring that changed between the asking and the storing', async () => {
    await add();
    const { transaction } = database;
    let isChanged = false;
    const racing: Database = {
      ...database,
      transaction: async (work) => {
        const rows = await database.stores.keyRing.list();
        // The promotion's own transaction is the first after all rows were rewrapped; a new row comes before it.
        if (!isChanged && racingNow) {
          isChanged = true;
          const [row] = rows;
          if (row !== undefined) {
            await transaction((stores) => stores.keyRing.insert({ ...row, id: 99, state: 'decrypt-only' }));
          }
        }
        return transaction(work);
      },
    };
    let racingNow = false;
    const slow = await startBroker(racing, keys);
    const { fence } = slow;
    const beat = fence.beat.bind(fence);
    fence.beat = async () => {
      await beat();
      racingNow = true;
    };
    await expect(promoteKek(slow, { id: 'kek-2' }, context)).rejects.toMatchObject({ code: 'key_state_conflict' });
    expect([...(await wrappedBy())]).toEqual(['kek-1']);
    expect((await database.stores.keks.find('kek-2'))?.state).toBe('added');
  });
});
