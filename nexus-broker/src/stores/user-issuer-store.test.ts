import { beforeAll, expect, it } from 'vitest';
import type { UserIssuer } from '../domain/user-issuer.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createId, testTime } from './store-fixture.js';

function createIssuer(values: Partial<UserIssuer> = {}): UserIssuer {
  const id = createId();
  return {
    issuerId: id,
    issuer: `https://${id.toLowerCase()}.example`,
    jwksUri: null,
    audience: 'https://nexus.example',
    algorithms: ['RS256', 'ES256'],
    scopeClaim: null,
    tenantClaim: 'tenant_id',
    clearanceClaim: 'clearance_level',
    workspaceFrom: 'sub',
    workspacePrefix: `${id}:`,
    maxLifetimeSeconds: 3600,
    createdAt: testTime,
    ...values,
  };
}

describeEachDatabase('user issuer store', (open) => {
  let database: Database;
  beforeAll(async () => {
    database = await open();
  });
  const tryInsert = (issuer: UserIssuer): Promise<boolean> =>
    database.transaction((stores) => stores.userIssuers.insert(issuer));
  const insert = async (values: Partial<UserIssuer> = {}): Promise<UserIssuer> => {
    const issuer = createIssuer(values);
    expect(await tryInsert(issuer)).toBe(true);
    return issuer;
  };

  it('gives back an issuer as it was inserted, by its id and by its name', async () => {
    const full = { jwksUri: 'https://keys.example/jwks', scopeClaim: 'scp', workspaceFrom: 'tenant' as const };
    for (const values of [{}, full]) {
      const issuer = await insert(values);
      expect(await database.stores.userIssuers.findById(issuer.issuerId)).toEqual(issuer);
      expect(await database.stores.userIssuers.findByIssuer(issuer.issuer)).toEqual(issuer);
    }
    expect(await database.stores.userIssuers.findById(createId())).toBeNull();
  });

  it('finds an issuer by exactly its name', async () => {
    const { issuer } = await insert();
    for (const name of [`${issuer}/`, issuer.toUpperCase(), issuer.slice(0, -1), `${issuer}%`, '']) {
      expect(await database.stores.userIssuers.findByIssuer(name), name).toBeNull();
    }
  });

  it('has each issuer and each workspace prefix once, the empty one too', async () => {
    const scratch = await open();
    const inserted = async (values: Partial<UserIssuer>) =>
      scratch
        .transaction(async (stores) => {
          if (!(await stores.userIssuers.insert(createIssuer(values)))) throw new Error('taken');
          return true;
        })
        .catch((error: Error) => error.message);
    expect(await inserted({ issuer: 'https://a.example', workspacePrefix: '' })).toBe(true);
    expect(await inserted({ issuer: 'https://a.example' })).toBe('taken');
    expect(await inserted({ workspacePrefix: '' })).toBe('taken');
    expect(await inserted({ workspacePrefix: 'a:' })).toBe(true);
    expect(await inserted({ workspacePrefix: 'a:' })).toBe('taken');
    expect(await inserted({ workspacePrefix: 'A:' })).toBe(true);
    expect((await scratch.stores.userIssuers.listPrefixes()).toSorted()).toEqual(['', 'A:', 'a:']);
  });

  it('gives one prefix to one of many that ask at once', async () => {
    const workspacePrefix = `${createId()}:`;
    const attempts = Array.from({ length: 16 }, () =>
      database.transaction(async (stores) => {
        if (!(await stores.userIssuers.insert(createIssuer({ workspacePrefix })))) throw new Error('taken');
      }),
    );
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('lists all, and deletes one once; what is deleted cannot be held', async () => {
    const scratch = await open();
    const [first, second] = [
      createIssuer({ issuer: 'https://a.example' }),
      createIssuer({ issuer: 'https://b.example' }),
    ];
    for (const issuer of [second, first]) await scratch.transaction((stores) => stores.userIssuers.insert(issuer));
    expect(await scratch.stores.userIssuers.list()).toEqual([first, second]);
    const hold = () => scratch.transaction((stores) => stores.userIssuers.hold(first.issuerId));
    const remove = () => scratch.transaction((stores) => stores.userIssuers.delete(first.issuerId));
    expect([await hold(), await remove(), await remove(), await hold()]).toEqual([true, true, false, false]);
    expect(await scratch.stores.userIssuers.list()).toEqual([second]);
  });

  it('changes nothing of an issuer by holding it, and lets a deletion wait for it', async () => {
    const issuer = await insert();
    const order: string[] = [];
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isHeld: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      isHeld = resolve;
    });
    const holding = database.transaction(async (stores) => {
      await stores.userIssuers.hold(issuer.issuerId);
      isHeld();
      await released;
      order.push('held');
    });
    await held;
    expect(await database.stores.userIssuers.findById(issuer.issuerId)).toEqual(issuer);
    const deletion = database
      .transaction((stores) => stores.userIssuers.delete(issuer.issuerId))
      .then(() => order.push('deleted'));
    release();
    await Promise.all([holding, deletion]);
    expect(order).toEqual(['held', 'deleted']);
  });
});
