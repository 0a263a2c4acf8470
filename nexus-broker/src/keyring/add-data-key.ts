import { NexusError } from '@nexus/core/errors';
import { type CreatedDataKey, createDataKey, type KeyPurpose, type KeyRingRow } from '@nexus/vault/key-ring';
import type { AuditEvent, AuditOrigin } from '../domain/audit-event.js';
import type { Kek } from '../domain/key-rotation.js';
import type { Stores } from '../stores/database.js';
import { askKeyProvider } from './ask-key-provider.js';
import { actOnChange, type KeyRingDeps } from './key-ring-deps.js';
import { requireHeldKek } from './require-held-kek.js';
import { writeVerifierKey } from './verifier-key.js';

/** Another change of the ring may take the id away that the key was wrapped for. */
const attempts = 5;

/**
 * Makes a data key that every replica can learn before anything is sealed with it.
 *
 * @throws NexusError `key_state_conflict` while another of the purpose waits for its promotion, `kek_unusable`,
 * `key_provider_unavailable`.
 */
export async function addDataKey(deps: KeyRingDeps, purpose: KeyPurpose, origin: AuditOrigin): Promise<KeyRingRow> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const key = await prepareKey(deps, purpose);
    const isStored = await deps.database.transaction(async (stores) => {
      await stores.keyRing.lock();
      const rows = await stores.keyRing.list();
      if (nextId(rows) !== key.id || (await findPrimary(stores)).id !== key.wrappedBy) return false;
      await stores.keyRing.insert(key);
      await stores.audit.insert([deps.audit.entry(describeAddedKey(key), origin)]);
      return true;
    });
    if (isStored) {
      await actOnChange(deps);
      return key;
    }
  }
  throw new NexusError('key_state_conflict', 'Others are changing the key ring; try again.');
}

async function prepareKey(deps: KeyRingDeps, purpose: KeyPurpose): Promise<CreatedDataKey> {
  const { database, keyProvider: provider } = deps;
  const rows = await database.stores.keyRing.list();
  const waiting = rows.find((row) => row.purpose === purpose && row.state === 'pre-active');
  if (waiting !== undefined) {
    throw new NexusError(
      'key_state_conflict',
      `Data key ${waiting.id} of this purpose waits for its promotion already.`,
    );
  }
  const kek = await findPrimary(database.stores);
  const now = await database.now();
  const input = { provider, kekId: kek.id, id: nextId(rows), purpose, now, state: 'pre-active' } as const;
  await requireHeldKek(provider, kek);
  const key = await askKeyProvider(() => createDataKey(input));
  // The provider may have read other bytes in between.
  await requireHeldKek(provider, kek);
  return key;
}

function nextId(rows: readonly KeyRingRow[]): number {
  return Math.max(0, ...rows.map((row) => row.id)) + 1;
}

async function findPrimary(stores: Stores): Promise<Kek> {
  const primary = (await stores.keks.list()).find((kek) => kek.state === 'primary');
  if (primary === undefined) throw new Error('no key-encryption key is primary');
  return primary;
}

export function describeAddedKey(key: CreatedDataKey): AuditEvent<'vault.key_added'> {
  return {
    eventType: 'vault.key_added',
    outcome: 'success',
    resourceId: String(key.id),
    data: {
      key_id: String(key.id),
      purpose: key.purpose,
      kek_id: key.wrappedBy,
      ...(key.publicKey === null ? {} : { public_key: writeVerifierKey(key.id, key.publicKey) }),
    },
  };
}
