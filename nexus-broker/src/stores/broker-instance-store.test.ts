import { expect, it } from 'vitest';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';

const sealingKeys = { cred: 1, provider: 2, flow: 3, audit: 4, checkpoint: 5, known: 5 };

function beat(database: Database, id: string, keks: readonly string[] = ['kek']): Promise<void> {
  return database.transaction((stores) => stores.brokerInstances.beat({ id, version: '1.0.0', keks, sealingKeys }));
}

describeEachDatabase('broker instance store', (open) => {
  it('lists who was seen within so many seconds of the clock of the database', async () => {
    let clockOffsetMs = 0;
    const database = await open({ clockOffsetMs: () => clockOffsetMs });
    await beat(database, 'a');
    clockOffsetMs = 10_000;
    await beat(database, 'b');
    clockOffsetMs = 20_000;
    const list = async (seconds: number) =>
      (await database.stores.brokerInstances.listSeenWithin(seconds)).map(({ id }) => id);
    expect([await list(5), await list(15), await list(25)]).toEqual([[], ['b'], ['a', 'b']]);
    await beat(database, 'a', ['kek', 'kek-2']);
    const [seen] = await database.stores.brokerInstances.listSeenWithin(5);
    expect(seen).toMatchObject({ id: 'a', version: '1.0.0', keks: ['kek', 'kek-2'], sealingKeys });
    expect(Date.parse(seen?.seenAt ?? '') - Date.parse(seen?.startedAt ?? '')).toBeGreaterThanOrEqual(19_900);
  });

  it('forgets one that says goodbye, and those not seen for long', async () => {
    let clockOffsetMs = 0;
    const database = await open({ clockOffsetMs: () => clockOffsetMs });
    for (const id of ['a', 'b', 'c']) await beat(database, id);
    await database.transaction((stores) => stores.brokerInstances.delete('a'));
    clockOffsetMs = 60_000;
    await beat(database, 'c');
    await database.transaction((stores) => stores.brokerInstances.deleteUnseenFor(30));
    const list = () => database.stores.brokerInstances.listSeenWithin(1_000);
    expect((await list()).map(({ id }) => id)).toEqual(['c']);
    await database.transaction((stores) => stores.brokerInstances.deleteAll());
    expect(await list()).toEqual([]);
  });
});
