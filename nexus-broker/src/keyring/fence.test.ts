import { expect, it } from 'vitest';
import { systemOrigin } from '../domain/request-context.js';
import { addKek } from '../services/vault/add-kek.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { addDataKey } from './add-data-key.js';
import { promoteDataKey } from './promote-data-key.js';
import { ChangingKeys, context, createKek, createRing, startBroker } from './replica-fixture.js';

const origin = systemOrigin('test');

describeEachDatabase('the fence', (open) => {
  const first = { 'kek-1': createKek() };

  it('reports the keys a Broker proved to hold and seals with, and follows the ring', async () => {
    const database = await open();
    const keys = new ChangingKeys(first);
    await createRing(database, keys);
    const broker = await startBroker(database, keys);
    const report = async () =>
      (await database.stores.brokerInstances.listSeenWithin(15)).find(({ id }) => id === broker.fence.instanceId);
    const sealingKeys = { cred: 1, provider: 2, flow: 3, audit: 4, checkpoint: 5, known: 5 };
    expect(await report()).toMatchObject({ version: '0.0.0', keks: ['kek-1'], sealingKeys });

    const { id } = await addDataKey(broker, 'flow', origin);
    expect(await report()).toMatchObject({ sealingKeys: { ...sealingKeys, known: id } });
    await promoteDataKey(broker, id, origin);
    expect(await report()).toMatchObject({ sealingKeys: { ...sealingKeys, flow: id, known: id } });
    await broker.fence.leave();
    expect(await report()).toBeUndefined();
  });

  it('K8: reports a key-encryption key only once its provider holds that very key', async () => {
    const database = await open();
    const second = createKek();
    const keys = new ChangingKeys(first);
    await createRing(database, keys);
    const [ahead, behind] = [await startBroker(database, keys), await startBroker(database, new ChangingKeys(first))];
    keys.held = { ...first, 'kek-2': second };
    await addKek(ahead, { id: 'kek-2' }, context);
    const beat = async () => {
      await behind.fence.prove();
      await behind.fence.beat();
      const reports = await database.stores.brokerInstances.listSeenWithin(15);
      return reports.find(({ id }) => id === behind.fence.instanceId)?.keks;
    };
    expect(await beat()).toEqual(['kek-1']);
    behind.keyProvider.held = { ...first, 'kek-2': createKek() };
    expect(await beat()).toEqual(['kek-1']);
    behind.keyProvider.held = { ...first, 'kek-2': second };
    expect(await beat()).toEqual(['kek-1', 'kek-2']);
    expect(behind.errors).toHaveLength(1);
    expect(String(behind.errors[0])).toContain('"kek-2"');
  });

  it('goes on reporting while the key provider is away, and takes it up again afterwards', async () => {
    const database = await open();
    const keys = new ChangingKeys(first);
    await createRing(database, keys);
    const broker = await startBroker(database, keys);
    const other = await startBroker(database, new ChangingKeys(first));
    const { id } = await addDataKey(other, 'cred', origin);
    keys.isAway = true;
    await broker.fence.beat();
    const known = async () => {
      const reports = await database.stores.brokerInstances.listSeenWithin(15);
      return reports.find((one) => one.id === broker.fence.instanceId)?.sealingKeys.known;
    };
    expect(await known()).toBe(5);
    expect(broker.errors).toHaveLength(1);
    keys.isAway = false;
    await broker.fence.beat();
    expect(await known()).toBe(id);
  });

  it('takes what earlier processes left only where they must be dead', async () => {
    const database = await open();
    const keys = new ChangingKeys(first);
    await createRing(database, keys);
    const [dead, next] = [await startBroker(database, keys), await startBroker(database, keys)];
    const lease = { name: 'resealing', owner: dead.fence.instanceId, seconds: 60 };
    await database.transaction((stores) => stores.jobLeases.acquire(lease));
    await next.fence.enter();
    const ids = (await database.stores.brokerInstances.listSeenWithin(15)).map(({ id }) => id);
    const isFree = await database.transaction((stores) => stores.jobLeases.acquire({ ...lease, owner: 'next' }));
    const { instanceId } = next.fence;
    expect({ ids, isFree }).toEqual(
      database.isExclusive
        ? { ids: [instanceId], isFree: true }
        : { ids: [dead.fence.instanceId, instanceId].sort(), isFree: false },
    );
  });
});
