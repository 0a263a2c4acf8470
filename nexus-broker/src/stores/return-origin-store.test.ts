import { beforeAll, expect, it } from 'vitest';
import type { ReturnOrigin } from '../domain/return-origin.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createId, testTime } from './store-fixture.js';

function createReturnOrigin(values: Partial<ReturnOrigin> = {}): ReturnOrigin {
  return {
    returnOriginId: createId(),
    origin: `https://${createId().toLowerCase()}.example`,
    appName: 'App',
    completion: 'bound',
    pathPrefix: null,
    createdAt: testTime,
    ...values,
  };
}

describeEachDatabase('return origin store', (open) => {
  let database: Database;
  beforeAll(async () => {
    database = await open();
  });
  const insert = async (values: Partial<ReturnOrigin> = {}): Promise<ReturnOrigin> => {
    const returnOrigin = createReturnOrigin(values);
    await database.transaction((stores) => stores.returnOrigins.insert(returnOrigin));
    return returnOrigin;
  };

  it('gives back a return origin as it was inserted, with and without a path prefix', async () => {
    for (const pathPrefix of [null, '/app/']) {
      const returnOrigin = await insert({ pathPrefix });
      expect(await database.stores.returnOrigins.findById(returnOrigin.returnOriginId)).toEqual(returnOrigin);
    }
    expect(await database.stores.returnOrigins.findById(createId())).toBeNull();
  });

  it('registers an origin once per path prefix, also without one', async () => {
    const { origin } = await insert();
    await insert({ origin, pathPrefix: '/a/' });
    await insert({ origin, pathPrefix: '/b/' });
    await expect(insert({ origin })).rejects.toMatchObject({ code: 'return_origin_exists' });
    await expect(insert({ origin, pathPrefix: '/a/' })).rejects.toMatchObject({ code: 'return_origin_exists' });
  });

  it('lists all, and deletes one once', async () => {
    const scratch = await open();
    const [first, second] = [
      createReturnOrigin({ origin: 'https://a.example' }),
      createReturnOrigin({ origin: 'https://b.example' }),
    ];
    for (const returnOrigin of [second, first]) {
      await scratch.transaction((stores) => stores.returnOrigins.insert(returnOrigin));
    }
    expect(await scratch.stores.returnOrigins.list()).toEqual([first, second]);
    const remove = (): Promise<boolean> =>
      scratch.transaction((stores) => stores.returnOrigins.delete(first.returnOriginId));
    expect(await remove()).toBe(true);
    expect(await remove()).toBe(false);
    expect(await scratch.stores.returnOrigins.list()).toEqual([second]);
  });
});
