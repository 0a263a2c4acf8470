import { toInstant } from '@nexus/core/clock';
import { beforeAll, expect, it } from 'vitest';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createHashText, laterTime } from './store-fixture.js';

describeEachDatabase('used user token store', (open) => {
  let database: Database;
  beforeAll(async () => {
    database = await open();
  });
  const spend = (key: string, on = database): Promise<boolean> =>
    on.transaction((stores) => stores.usedUserTokens.spend(key, laterTime));

  it('spends a token once', async () => {
    const key = createHashText();
    expect([await spend(key), await spend(key), await spend(createHashText())]).toEqual([true, false, true]);
  });

  it('B10: spends a token for exactly one of 32 that show it at once', async () => {
    const key = createHashText();
    const outcomes = await Promise.all(Array.from({ length: 32 }, () => spend(key)));
    expect(outcomes.filter(Boolean)).toHaveLength(1);
  });

  it('leaves a token unspent when what it was spent for fails', async () => {
    const key = createHashText();
    const failed = database.transaction(async (stores) => {
      expect(await stores.usedUserTokens.spend(key, laterTime)).toBe(true);
      throw new Error('no session');
    });
    await expect(failed).rejects.toThrow('no session');
    expect(await spend(key)).toBe(true);
  });

  it('forgets tokens that ended a while ago, a limited number at a time, and keeps the others', async () => {
    const scratch = await open();
    const nowMs = Date.parse(await scratch.now());
    const instantIn = (seconds: number) => toInstant(nowMs + seconds * 1000);
    const old = Array.from({ length: 3 }, () => createHashText());
    const kept = { justEnded: createHashText(), alive: createHashText() };
    await scratch.transaction(async ({ usedUserTokens }) => {
      for (const key of old) await usedUserTokens.spend(key, instantIn(-90));
      await usedUserTokens.spend(kept.justEnded, instantIn(-30));
      await usedUserTokens.spend(kept.alive, instantIn(60));
    });
    const forget = () =>
      scratch.transaction((stores) => stores.usedUserTokens.deleteExpired({ secondsAgo: 60, limit: 2 }));
    expect([await forget(), await forget(), await forget()]).toEqual([2, 1, 0]);
    for (const key of old) expect(await spend(key, scratch)).toBe(true);
    for (const key of Object.values(kept)) expect(await spend(key, scratch)).toBe(false);
  });
});
