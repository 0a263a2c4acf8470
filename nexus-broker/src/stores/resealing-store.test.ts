import { expect, it } from 'vitest';
import { describeEachDatabase } from './describe-each-database.js';

describeEachDatabase('resealing store', (open) => {
  it('counts what pages did, keeps the count over rounds and starts each round anew', async () => {
    const database = await open();
    const subject = { keyId: 7, target: 'connection.sealed_credential' };
    const read = async () => (await database.stores.resealing.list()).find(({ keyId }) => keyId === 7);
    await database.transaction(async ({ resealing }) => {
      await resealing.begin(subject);
      await resealing.begin({ keyId: 8, target: subject.target });
      await resealing.advance({ ...subject, cursor: 'b', resealed: 2, failed: 1 });
      await resealing.advance({ ...subject, cursor: 'd', resealed: 3, failed: 0 });
    });
    expect(await read()).toMatchObject({ ...subject, cursor: 'd', resealed: 5, failed: 1, finishedAt: null });
    await database.transaction((stores) => stores.resealing.finish(subject));
    expect((await read())?.finishedAt).not.toBeNull();
    await database.transaction((stores) => stores.resealing.begin(subject));
    expect(await read()).toMatchObject({ cursor: '', resealed: 5, failed: 0, finishedAt: null });
    const other = (await database.stores.resealing.list()).find(({ keyId }) => keyId === 8);
    expect(other).toMatchObject({ cursor: '', resealed: 0 });
  });
});
