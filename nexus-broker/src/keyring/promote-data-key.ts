import type { KeyRingRow } from '@nexus/vault/key-ring';
import type { AuditOrigin } from '../domain/audit-event.js';
import type { Stores } from '../stores/database.js';
import { findDataKey, wrongState } from './find-data-key.js';
import { actOnChange, type KeyRingDeps } from './key-ring-deps.js';
import { type ReplicaCondition, requireReplicas } from './replicas.js';
import { requireAnnounced } from './require-announced.js';

/** The ring grows by rising ids and is taken over as a whole, so the highest id known tells what is known. */
export function knowsKey(id: number): ReplicaCondition {
  return { isMet: ({ sealingKeys }) => sealingKeys.known >= id, lack: `do not know data key ${id} yet` };
}

/**
 * Lets a pre-active key seal from now on; the key before it only opens.
 *
 * @throws NexusError `data_key_not_found`, `key_state_conflict`, `replicas_behind`.
 */
export async function promoteDataKey(deps: KeyRingDeps, id: number, origin: AuditOrigin): Promise<KeyRingRow> {
  const { stores } = deps.database;
  const row = await findDataKey(stores, id);
  if (row.state !== 'pre-active') throw wrongState(row, 'pre-active');
  await deps.fence.beat();
  await requireReplicas(stores, knowsKey(id));
  // Whoever trusts the key before can follow to this one: a note signed by that key covers the entry that names this.
  if (row.purpose === 'checkpoint') await deps.auditSealer.checkpointNow();
  await deps.database.transaction(async (transaction) => {
    await transaction.keyRing.lock();
    await activate(deps, transaction, row, origin);
  });
  await actOnChange(deps);
  return findDataKey(stores, id);
}

/** Part of a transaction that has locked the ring. @throws NexusError `key_state_conflict`. */
export async function activate(
  deps: Pick<KeyRingDeps, 'audit'>,
  stores: Stores,
  row: KeyRingRow,
  origin: AuditOrigin,
): Promise<void> {
  if (row.purpose === 'checkpoint') await requireAnnounced(stores, row);
  const replaced = await stores.keyRing.activate(row);
  if (replaced === null) throw wrongState(await findDataKey(stores, row.id), 'pre-active');
  const entry = deps.audit.entry(
    {
      eventType: 'vault.promoted',
      outcome: 'success',
      resourceId: String(row.id),
      data: { key_id: String(row.id), purpose: row.purpose, replaced: replaced.map(String) },
    },
    origin,
  );
  await stores.audit.insert([entry]);
}
