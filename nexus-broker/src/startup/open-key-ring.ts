/** Opens the vault over the stored key ring; only a Broker without any data makes keys. */
import { type Clock, type Instant, systemClock, toInstant } from '@nexus/core/clock';
import { createKekProbe } from '@nexus/vault/kek-probe';
import { type KeyProvider, VaultError } from '@nexus/vault/key-provider';
import { type CreatedDataKey, createDataKey, createKeyRing, type KeyRingRow } from '@nexus/vault/key-ring';
import { openVault, type Vault } from '@nexus/vault/vault';
import type { Kek } from '../domain/key-rotation.js';
import type { Database } from '../stores/database.js';
import { announceKeys } from './announce-keys.js';
import { type KeyProviderSettings, openFirstKeyProvider, openKeyProvider } from './open-key-provider.js';

interface OpenKeyRingDeps extends KeyProviderSettings {
  readonly database: Database;
  readonly clock: Clock;
}

export interface OpenedKeyRing {
  readonly vault: Vault;
  readonly keyProvider: KeyProvider;
}

/**
 * A missing or wrong key fails closed: with data in the database no key is ever generated, since a new one would open
 * none of it. Nothing is written before every key of the ring was unwrapped. Keys that are made are named in the audit
 * log with the same transaction.
 *
 * @throws VaultError naming the key that is missing or wrong.
 */
export async function openKeyRing(deps: OpenKeyRingDeps): Promise<OpenedKeyRing> {
  const { stores } = deps.database;
  const rows = await stores.keyRing.list();
  if (rows.length > 0) return openStoredRing(deps, rows);
  if ((await stores.keys.count()) > 0) {
    throw new VaultError('missing_key', 'The key ring is empty although data exists. Restore it from a backup.');
  }
  return createRing(deps);
}

async function openStoredRing(deps: OpenKeyRingDeps, rows: readonly KeyRingRow[]): Promise<OpenedKeyRing> {
  const { database } = deps;
  const keyProvider = await openKeyProvider(deps);
  const created = await prepareCheckpointKey(deps, keyProvider, rows);
  let loadRows = async (): Promise<readonly KeyRingRow[]> => [...rows, ...created];
  const vault = await openVault({ provider: keyProvider, loadRows: () => loadRows() });
  const kek = await prepareKek(database, keyProvider, rows);
  if (created.length > 0 || kek !== null) {
    const announcements = announceKeys(vault, created, await readTime(deps));
    await database.transaction(async (stores) => {
      await stores.keyRing.lock();
      if ((await stores.keyRing.list()).length !== rows.length) {
        throw new Error('Another Broker changed the key ring while this one started; start it again.');
      }
      for (const row of created) await stores.keyRing.insert(row);
      if (kek !== null) await stores.keks.insert({ ...kek, state: 'primary' });
      await stores.audit.insert(announcements);
    });
  }
  loadRows = () => database.stores.keyRing.list();
  return { vault, keyProvider };
}

/** A clock that a test moves is the only one there is. */
async function readTime({ clock, database }: OpenKeyRingDeps): Promise<Instant> {
  return clock === systemClock ? database.now() : toInstant(clock.now());
}

/**
 * A ring that was made before checkpoints were signed gets its key for them, as long as nothing was sealed: afterwards
 * its absence means that it was lost.
 */
async function prepareCheckpointKey(
  { database }: OpenKeyRingDeps,
  provider: KeyProvider,
  rows: readonly KeyRingRow[],
): Promise<readonly CreatedDataKey[]> {
  const last = rows.at(-1);
  if (last === undefined || rows.some((row) => row.purpose === 'checkpoint')) return [];
  if ((await database.stores.auditChain.head()) !== null) return [];
  const now = await database.now();
  const id = last.id + 1;
  return [await createDataKey({ provider, kekId: last.wrappedBy, id, purpose: 'checkpoint', now, state: 'active' })];
}

/** A ring that was made before key-encryption keys were kept account of names one. */
async function prepareKek(
  database: Database,
  provider: KeyProvider,
  rows: readonly KeyRingRow[],
): Promise<Pick<Kek, 'id' | 'probe' | 'probeKcv'> | null> {
  const id = rows.at(-1)?.wrappedBy;
  if (id === undefined || (await database.stores.keks.list()).length > 0) return null;
  return { id, ...(await createKekProbe(provider, id)) };
}

async function createRing(deps: OpenKeyRingDeps): Promise<OpenedKeyRing> {
  const { database, clock } = deps;
  const now = toInstant(clock.now());
  const keyProvider = await openFirstKeyProvider(deps, now);
  const created = await createKeyRing({ provider: keyProvider, now });
  const id = keyProvider.primary();
  const kek = { id, ...(await createKekProbe(keyProvider, id)) };
  let loadRows = async (): Promise<readonly KeyRingRow[]> => created;
  const vault = await openVault({ provider: keyProvider, loadRows: () => loadRows() });
  const announcements = announceKeys(vault, created, await readTime(deps));
  await database.transaction(async (stores) => {
    for (const row of created) await stores.keyRing.insert(row);
    await stores.keks.insert({ ...kek, state: 'primary' });
    await stores.audit.insert(announcements);
  });
  loadRows = () => database.stores.keyRing.list();
  return { vault, keyProvider };
}
