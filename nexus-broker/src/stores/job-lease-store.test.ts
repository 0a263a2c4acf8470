import { beforeAll, expect, it } from 'vitest';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';

describeEachDatabase('job lease store', (open) => {
  let offsetMs = 0;
  let database: Database;
  beforeAll(async () => {
    database = await open({ clockOffsetMs: () => offsetMs });
  });
  const acquire = (name: string, owner: string): Promise<boolean> =>
    database.transaction((stores) => stores.jobLeases.acquire({ name, owner, seconds: 10 }));
  const release = (name: string, owner: string): Promise<boolean> =>
    database.transaction((stores) => stores.jobLeases.release(name, owner));

  it('gives a lease to one of 32 that ask at once, and each lease by its own name', async () => {
    const owners = Array.from({ length: 32 }, (_, index) => `owner-${index}`);
    const outcomes = await Promise.all(owners.map((owner) => acquire('work', owner)));
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    expect(await acquire('other work', 'anyone')).toBe(true);
  });

  it('renews for its owner and refuses everybody else until it has run out', async () => {
    expect(await acquire('renewed', 'a')).toBe(true);
    offsetMs = 9_000;
    expect([await acquire('renewed', 'b'), await acquire('renewed', 'a')]).toEqual([false, true]);
    offsetMs = 18_000;
    expect(await acquire('renewed', 'b')).toBe(false);
    offsetMs = 19_500;
    expect([await acquire('renewed', 'b'), await acquire('renewed', 'a')]).toEqual([true, false]);
  });

  it('is given back by its owner only', async () => {
    expect(await acquire('returned', 'a')).toBe(true);
    expect([await release('returned', 'b'), await acquire('returned', 'b')]).toEqual([false, false]);
    expect([await release('returned', 'a'), await acquire('returned', 'b')]).toEqual([true, true]);
    expect(await release('returned', 'a')).toBe(false);
  });
});
