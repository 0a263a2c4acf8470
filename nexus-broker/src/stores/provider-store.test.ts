import { beforeAll, expect, it } from 'vitest';
import { plainProbe, plainQuirks } from '../domain/profile-quirks.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createId, createProfile, createProvider, createSealed, insertProvider, testTime } from './store-fixture.js';

const later = '2026-01-02T00:00:00.000Z';

describeEachDatabase('provider store', (open, fixture) => {
  let database: Database;
  beforeAll(async () => {
    database = await open();
  });

  it('gives back a provider as it was inserted', async () => {
    const provider = await insertProvider(database, {
      version: 7,
      profile: createProfile({ params: { prompt: 'consent' }, probe: { ...plainProbe, path: '/me' } }),
    });
    expect(await database.stores.providers.findById(provider.providerId)).toEqual({
      ...provider,
      sealedSecrets: Buffer.from('client secrets'),
    });
  });

  it('reads a profile that an earlier release stored', async () => {
    const url = await fixture.createUrl();
    const own = await open({ url });
    const { providerId, profile } = await insertProvider(own, {
      profile: createProfile({ probe: { ...plainProbe, path: '/me' } }),
    });
    const names = [...Object.keys(plainQuirks), 'template', 'refreshUrl', 'introspectionEndpoint'];
    const known = Object.fromEntries(Object.entries(profile).filter(([name]) => !names.includes(name)));
    const stored = {
      ...known,
      probe: { method: 'GET', path: '/me' },
      refresh: { rotation: 'strict', graceSeconds: 3, idleLifetimeSeconds: null, concurrency: 2, callsPerSecond: 1 },
      revocationKills: 'token',
    };
    await fixture.runSql(url, `update provider set profile = '${JSON.stringify(stored)}'`);
    expect((await own.stores.providers.findById(providerId))?.profile).toEqual({
      ...profile,
      refresh: { ...plainQuirks.refresh, ...stored.refresh },
      revoke: { ...plainQuirks.revoke, kills: 'token' },
    });
  });

  it('keeps a provider without secrets apart from one with empty secrets', async () => {
    const none = await insertProvider(database, { sealedSecrets: null });
    const empty = await insertProvider(database, { sealedSecrets: createSealed('') });
    expect((await database.stores.providers.findById(none.providerId))?.sealedSecrets).toBeNull();
    expect((await database.stores.providers.findById(empty.providerId))?.sealedSecrets).toHaveLength(0);
  });

  it('finds a name whatever its case, and stores it in lower case', async () => {
    const name = `Case-${createId()}`;
    const provider = await insertProvider(database, { profile: createProfile({ name }) });
    const found = await database.stores.providers.findByName(name.toUpperCase());
    expect(found?.providerId).toBe(provider.providerId);
    expect(found?.profile.name).toBe(name.toLowerCase());
  });

  it('refuses a second live provider of the same name, in any case', async () => {
    const first = await insertProvider(database);
    const second = createProvider({ profile: createProfile({ name: first.profile.name.toUpperCase() }) });
    await expect(database.transaction((stores) => stores.providers.insert(second))).rejects.toMatchObject({
      code: 'provider_exists',
    });
    expect(await database.stores.providers.findAnyById(second.providerId)).toBeNull();
  });

  it('lets exactly one of 32 inserts of the same name win', async () => {
    const profile = createProfile();
    const results = await Promise.allSettled(Array.from({ length: 32 }, () => insertProvider(database, { profile })));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'provider_exists' });
    }
  });

  it('frees the name of a deleted provider, and still knows the deleted one by its id', async () => {
    const provider = await insertProvider(database);
    const { providerId, profile } = provider;
    expect(await database.transaction((stores) => stores.providers.markDeleted(providerId, later))).toBe(true);
    expect(await database.transaction((stores) => stores.providers.markDeleted(providerId, later))).toBe(false);
    expect(await database.stores.providers.findById(providerId)).toBeNull();
    expect(await database.stores.providers.findByName(profile.name)).toBeNull();
    expect((await database.stores.providers.findAnyById(providerId))?.deletedAt).toBe(later);
    const successor = await insertProvider(database, { profile });
    expect((await database.stores.providers.findByName(profile.name))?.providerId).toBe(successor.providerId);
  });

  it('replaces all columns when the version is the expected one, and nothing otherwise', async () => {
    const provider = await insertProvider(database);
    const changed = {
      ...provider,
      version: 2,
      profile: createProfile({ name: `renamed-${createId().toLowerCase()}`, scopes: ['write'] }),
      sealedSecrets: null,
      updatedAt: later,
    };
    expect(await database.transaction((stores) => stores.providers.update(changed, 9))).toBe(false);
    expect((await database.stores.providers.findById(provider.providerId))?.version).toBe(1);
    expect(await database.transaction((stores) => stores.providers.update(changed, 1))).toBe(true);
    expect(await database.stores.providers.findById(provider.providerId)).toEqual(changed);
  });

  it('lets exactly one of 32 updates from the same version win', async () => {
    const provider = await insertProvider(database);
    const results = await Promise.all(
      Array.from({ length: 32 }, (_, i) =>
        database.transaction((stores) =>
          stores.providers.update({ ...provider, version: 2, profile: { ...provider.profile, clientId: `${i}` } }, 1),
        ),
      ),
    );
    expect(results.filter(Boolean)).toHaveLength(1);
    const winner = results.indexOf(true);
    expect((await database.stores.providers.findById(provider.providerId))?.profile.clientId).toBe(`${winner}`);
  });

  it('refuses to rename a provider to a live name', async () => {
    const first = await insertProvider(database);
    const second = await insertProvider(database);
    const renamed = { ...second, version: 2, profile: { ...second.profile, name: first.profile.name } };
    await expect(database.transaction((stores) => stores.providers.update(renamed, 1))).rejects.toMatchObject({
      code: 'provider_exists',
    });
    expect((await database.stores.providers.findById(second.providerId))?.profile.name).toBe(second.profile.name);
  });

  it('does not update a deleted provider', async () => {
    const provider = await insertProvider(database);
    await database.transaction((stores) => stores.providers.markDeleted(provider.providerId, testTime));
    expect(await database.transaction((stores) => stores.providers.update({ ...provider, version: 2 }, 1))).toBe(false);
  });

  it('lists live providers by name in code point order', async () => {
    const scratch = await open();
    for (const name of ['b', 'a-z', 'a_z', 'az', 'é']) {
      await insertProvider(scratch, { profile: createProfile({ name }) });
    }
    const deleted = await insertProvider(scratch);
    await scratch.transaction((stores) => stores.providers.markDeleted(deleted.providerId, later));
    const names = (await scratch.stores.providers.list()).map((provider) => provider.profile.name);
    expect(names).toEqual(['a-z', 'a_z', 'az', 'b', 'é']);
  });
});
