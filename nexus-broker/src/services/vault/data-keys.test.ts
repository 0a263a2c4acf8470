import { decodeVerifierKey } from '@nexus/audit-chain/signed-note';
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
import { rotateAgedKeys } from '../../keyring/rotate-aged-keys.js';
import type { Database } from '../../stores/database.js';
import { describeEachDatabase } from '../../stores/describe-each-database.js';
import { compromiseDataKey } from './compromise-data-key.js';
import { createDataKey } from './create-data-key.js';
import { destroyDataKey } from './destroy-data-key.js';
import { getKeyRing } from './get-key-ring.js';
import { promoteDataKey } from './promote-data-key.js';
import { retireDataKey } from './retire-data-key.js';
import { rotateDataKeys } from './rotate-data-keys.js';

type Purpose = 'cred' | 'provider' | 'flow' | 'audit' | 'checkpoint';

describeEachDatabase('data keys', (open) => {
  let database: Database;
  let keys: ChangingKeys;
  let broker: TestBroker;
  let clockOffsetMs = 0;
  const kek = { 'kek-1': createKek() };
  const create = async (purpose: Purpose) => (await createDataKey(broker, { purpose }, context)).key.id;
  const promote = (id: number) => promoteDataKey(broker, { id }, context);
  const retire = (id: number) => retireDataKey(broker, { id }, context);
  const destroy = (id: number) => destroyDataKey(broker, { id }, context);
  const compromise = (id: number) => compromiseDataKey(broker, { id }, context);
  const states = async () =>
    Object.fromEntries((await database.stores.keyRing.list()).map(({ id, state }) => [id, state]));

  beforeEach(async () => {
    clockOffsetMs = 0;
    database = await open({ clockOffsetMs: () => clockOffsetMs });
    keys = new ChangingKeys(kek);
    await createRing(database, keys);
    broker = await startBroker(database, keys);
  });

  it('replaces one, re-seals, retires and destroys it, each step on record', async () => {
    await plantValues(database, broker.vault, 3);
    const id = await create('cred');
    expect(broker.vault.sealingKeys().cred).toBe(1);
    expect(await promote(id)).toMatchObject({ key: { state: 'active' }, rows: 0 });
    expect(broker.vault.sealingKeys().cred).toBe(id);
    await expect(retire(1)).rejects.toMatchObject({ code: 'key_in_use', message: expect.stringContaining('4 values') });
    await broker.resealer.run();
    expect(await retire(1)).toMatchObject({ key: { state: 'deactivated' }, rows: 0 });
    await expect(destroy(1)).rejects.toMatchObject({ code: 'key_in_use' });
    clockOffsetMs = 61_000;
    expect(await destroy(1)).toMatchObject({ key: { state: 'destroyed', wrapped: Buffer.alloc(0) } });
    expect(broker.vault.knows(1)).toBe(false);
    const entries = await readEntries(database, 'vault.*');
    expect(entries.filter(({ event_type }) => event_type !== 'vault.resealed')).toMatchObject([
      { event_type: 'vault.key_added', resource_id: '6', data: { key_id: '6', purpose: 'cred', kek_id: 'kek-1' } },
      { event_type: 'vault.promoted', data: { key_id: '6', purpose: 'cred', replaced: ['1'] } },
      { event_type: 'vault.retired', data: { key_id: '1', purpose: 'cred' } },
      { event_type: 'vault.destroyed', data: { key_id: '1', purpose: 'cred' } },
    ]);
  });

  it.each([
    ['to promote what is no key', () => promote(9), 'data_key_not_found'],
    ['to retire what is no key', () => retire(9), 'data_key_not_found'],
    ['to destroy what is no key', () => destroy(9), 'data_key_not_found'],
    ['to mark what is no key', () => compromise(9), 'data_key_not_found'],
    ['to promote an active key', () => promote(1), 'key_state_conflict'],
    ['to retire an active key', () => retire(1), 'key_state_conflict'],
    ['to destroy an active key', () => destroy(1), 'key_state_conflict'],
    ['to destroy an audit key', () => destroy(4), 'key_in_use'],
    ['to destroy a checkpoint key', () => destroy(5), 'key_in_use'],
  ])('refuses %s', async (_what, step, code) => {
    await expect(step()).rejects.toMatchObject({ code });
    expect(await states()).toEqual({ 1: 'active', 2: 'active', 3: 'active', 4: 'active', 5: 'active' });
  });

  it('keeps one key waiting per purpose', async () => {
    await create('cred');
    await expect(create('cred')).rejects.toMatchObject({ code: 'key_state_conflict' });
    await create('flow');
    expect(await states()).toMatchObject({ 6: 'pre-active', 7: 'pre-active' });
  });

  it('never gives an id twice to keys that are made at once', async () => {
    const made = await Promise.all((['cred', 'provider', 'flow', 'audit', 'checkpoint'] as const).map(create));
    expect(new Set(made)).toEqual(new Set([6, 7, 8, 9, 10]));
  });

  it('keeps keys of the log for as long as the log', async () => {
    for (const purpose of ['audit', 'checkpoint'] as const) await promote(await create(purpose));
    for (const id of [4, 5]) await expect(retire(id)).rejects.toMatchObject({ code: 'key_in_use' });
    expect(await states()).toMatchObject({ 4: 'decrypt-only', 5: 'decrypt-only' });
  });

  it('has the old checkpoint key sign before the new one takes over, and names the new one in the log', async () => {
    const id = await create('checkpoint');
    const [added] = await readEntries(database, 'vault.key_added');
    const { publicKey } = broker.vault.publicKeys().find(({ keyId }) => keyId === id) ?? {};
    expect(decodeVerifierKey(added.data.public_key)).toEqual({ name: `nexus-${id}`, publicKey });
    await promote(id);
    expect(broker.checkpoints.map((text) => JSON.parse(text).checkpoint)).toEqual([5]);
    expect(broker.vault.sealingKeys().checkpoint).toBe(id);
    await compromise(id);
    expect(broker.checkpoints.map((text) => JSON.parse(text).checkpoint)).toEqual([5, id]);
    const ring = await getKeyRing(broker);
    expect(ring.keys.filter(({ publicKey: shown }) => shown !== null).map(({ key }) => key.id)).toEqual([5, 6, 7]);
  });

  it('lets no checkpoint key sign before a checkpoint covers the entry that names it', async () => {
    const { checkpointNow } = broker.auditSealer;
    const conflict = { code: 'key_state_conflict', status: 409, message: expect.stringContaining('try again') };
    // The sealer was elsewhere in time: the entry is not sealed.
    broker.auditSealer.checkpointNow = async () => undefined;
    const id = await create('checkpoint');
    await checkpointNow();
    await promote(id);
    const next = await create('checkpoint');
    await expect(promote(next)).rejects.toMatchObject(conflict);
    await expect(compromise(id)).rejects.toMatchObject(conflict);
    // It is sealed, and the checkpoint does not reach it.
    await database.transaction(async ({ audit, auditChain }) => {
      const { entries } = await audit.listUnsealed(null, 500);
      const last = (await auditChain.head())?.seq ?? 0;
      const hash = new Uint8Array(32);
      const links = entries.map((entry, index) => ({ seq: last + index + 1, eventId: entry.id, prevHash: hash, hash }));
      await auditChain.insert(links);
    });
    await expect(promote(next)).rejects.toMatchObject(conflict);
    expect(await states()).toMatchObject({ [id]: 'active', [next]: 'pre-active' });
    await create('cred');
    await checkpointNow();
    await compromise(id);
    expect(await states()).toMatchObject({ [id]: 'compromised', [next]: 'active' });
  });

  it('destroys nothing that backups may need, or that a replica not seen for a while sealed with', async () => {
    const careful = await startBroker(database, keys, { retentionDays: 30 });
    await promoteAfterLearning(careful, 'cred');
    await careful.fence.beat();
    await broker.resealer.run();
    await retire(1);
    const day = 86_400_000;
    clockOffsetMs = 29 * day;
    const wait = expect(destroyDataKey(careful, { id: 1 }, context)).rejects;
    await wait.toMatchObject({ code: 'key_in_use', message: expect.stringContaining('30 days') });
    clockOffsetMs = 31 * day;
    await database.transaction((stores) =>
      stores.brokerInstances.beat({
        id: 'asleep',
        version: '0.0.0',
        keks: ['kek-1'],
        sealingKeys: { ...broker.vault.sealingKeys(), cred: 1, known: 5 },
      }),
    );
    clockOffsetMs = 31 * day + 3_600_000;
    await expect(destroyDataKey(careful, { id: 1 }, context)).rejects.toMatchObject({
      code: 'replicas_behind',
      message: expect.stringContaining('asleep'),
    });
    clockOffsetMs = 32 * day + 3_600_000;
    await destroyDataKey(careful, { id: 1 }, context);
  });

  it('destroys nothing under which a value came late, and seals that again too', async () => {
    const asleep = await startBroker(database, keys);
    await promoteAfterLearning(asleep, 'cred');
    await broker.resealer.run();
    await asleep.fence.leave();
    await broker.resealer.run();
    await retire(1);
    await plantValues(database, asleep.vault, 1);
    clockOffsetMs = 61_000;
    await expect(destroy(1)).rejects.toMatchObject({
      code: 'key_in_use',
      message: expect.stringContaining('2 values'),
    });
    const next = await startBroker(database, keys);
    await next.resealer.run();
    await destroy(1);
  });

  it('K8: retires nothing a live replica still seals with', async () => {
    const behind = await startBroker(database, keys);
    await promoteAfterLearning(behind, 'cred');
    await broker.resealer.run();
    await expect(retire(1)).rejects.toMatchObject({
      code: 'replicas_behind',
      message: expect.stringContaining(behind.fence.instanceId),
    });
    await behind.fence.beat();
    await retire(1);
  });

  it('K8: promotes only what every live replica knows', async () => {
    const behind = await startBroker(database, keys);
    const id = await create('cred');
    await expect(promote(id)).rejects.toMatchObject({
      code: 'replicas_behind',
      message: expect.stringContaining(behind.fence.instanceId),
    });
    expect(await states()).toMatchObject({ 1: 'active', [id]: 'pre-active' });
    await behind.fence.beat();
    await promote(id);
  });

  async function promoteAfterLearning(other: TestBroker, purpose: Purpose): Promise<void> {
    const id = await create(purpose);
    await other.fence.beat();
    await promote(id);
  }

  it('rotates the keys that seal and the audit key, and uses what an earlier attempt left', async () => {
    const waiting = await create('provider');
    const rotated = await rotateDataKeys(broker, { purposes: null }, context);
    expect(rotated.map(({ key }) => [key.purpose, key.id, key.state])).toEqual([
      ['cred', 7, 'active'],
      ['provider', waiting, 'active'],
      ['flow', 8, 'active'],
      ['audit', 9, 'active'],
    ]);
    expect(await rotateDataKeys(broker, { purposes: ['checkpoint'] }, context)).toMatchObject([
      { key: { purpose: 'checkpoint', state: 'active' }, rows: null },
    ]);
  });

  it('rotates by itself when a key is old enough, once for all replicas', async () => {
    const day = 86_400_000;
    clockOffsetMs = 89 * day;
    await rotateAgedKeys(broker, 90);
    expect(Object.keys(await states())).toHaveLength(5);
    clockOffsetMs = 91 * day;
    await rotateAgedKeys(broker, 0);
    expect(Object.keys(await states())).toHaveLength(5);
    const other = await startBroker(database, keys);
    const lease = { name: 'key-rotation', owner: other.fence.instanceId, seconds: 60 };
    await database.transaction((stores) => stores.jobLeases.acquire(lease));
    await rotateAgedKeys(broker, 90);
    expect(Object.keys(await states())).toHaveLength(5);
    await database.transaction((stores) => stores.jobLeases.release(lease.name, lease.owner));
    await other.fence.leave();
    await broker.fence.beat();
    await rotateAgedKeys(broker, 90);
    expect(await states()).toEqual({
      ...{ 1: 'decrypt-only', 2: 'decrypt-only', 3: 'decrypt-only', 4: 'decrypt-only', 5: 'active' },
      ...{ 6: 'active', 7: 'active', 8: 'active', 9: 'active' },
    });
    await rotateAgedKeys(broker, 90);
    expect(Object.keys(await states())).toHaveLength(9);
    expect((await readEntries(database, 'vault.promoted'))[0]).toMatchObject({ actor: { type: 'system' } });
  });

  it('replaces a compromised key at once, without waiting for replicas, and re-seals at full speed', async () => {
    const slow = await startBroker(database, keys, { rowsPerSecond: 1 });
    await plantValues(database, broker.vault, 4);
    const behind = await startBroker(database, keys);
    expect(await compromise(1)).toMatchObject({ key: { state: 'compromised' }, rows: 5 });
    expect(await states()).toMatchObject({ 1: 'compromised', 6: 'active' });
    expect((await readEntries(database, 'vault.compromised'))[0]).toMatchObject({
      data: { key_id: '1', purpose: 'cred', successor: '6' },
    });
    await slow.fence.beat();
    await slow.resealer.run();
    // A limit of one value a second would make as many pages.
    const pages = await readEntries(database, 'vault.resealed');
    expect(pages.map(({ data }) => data.rows.length).sort()).toEqual([1, 4]);
    expect((await getKeyRing(broker)).keys[0]).toMatchObject({ key: { id: 1 }, rows: 0 });
    await behind.fence.beat();
    await retire(1);
    await expect(compromise(6)).resolves.toMatchObject({ key: { state: 'compromised' } });
    await expect(compromise(6)).rejects.toMatchObject({ code: 'key_state_conflict' });
  });

  it('marks a key that seals nothing as compromised without a successor', async () => {
    const id = await create('cred');
    await compromise(id);
    expect(await states()).toMatchObject({ 1: 'active', [id]: 'compromised' });
    expect(Object.keys(await states())).toHaveLength(6);
    expect((await readEntries(database, 'vault.compromised'))[0]).toMatchObject({ data: { successor: null } });
  });
});
