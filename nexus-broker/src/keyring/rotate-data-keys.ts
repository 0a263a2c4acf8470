import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyPurpose, KeyRingRow } from '@nexus/vault/key-ring';
import type { AuditOrigin } from '../domain/audit-event.js';
import { addDataKey } from './add-data-key.js';
import type { KeyRingDeps } from './key-ring-deps.js';
import { knowsKey, promoteDataKey } from './promote-data-key.js';
import { findBehind } from './replicas.js';

/** Purposes whose keys are replaced by age. A checkpoint key is replaced by hand: auditors take note of it. */
export const rotatedPurposes: readonly KeyPurpose[] = ['cred', 'provider', 'flow', 'audit'];

/** A replica learns of new keys within some seconds. */
const patienceMs = 10_000;
const pauseMs = 250;

/**
 * Puts a new data key in the place of the active one of each purpose. Keys that an earlier attempt added are used.
 *
 * @throws NexusError `replicas_behind` when a replica does not learn of them in time; they stay for the next attempt.
 */
export async function rotateDataKeys(
  deps: KeyRingDeps,
  purposes: readonly KeyPurpose[],
  origin: AuditOrigin,
): Promise<readonly KeyRingRow[]> {
  const added: KeyRingRow[] = [];
  for (const purpose of new Set(purposes)) {
    const rows = await deps.database.stores.keyRing.list();
    const waiting = rows.find((row) => row.purpose === purpose && row.state === 'pre-active');
    added.push(waiting ?? (await addDataKey(deps, purpose, origin)));
  }
  await waitForReplicas(deps, Math.max(...added.map((row) => row.id)));
  const promoted: KeyRingRow[] = [];
  for (const { id } of added) promoted.push(await promoteDataKey(deps, id, origin));
  return promoted;
}

/** Waits until every replica knows the key, or the patience is over: the promotion then says who does not. */
async function waitForReplicas({ database, fence }: KeyRingDeps, id: number): Promise<void> {
  await fence.beat();
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    if ((await findBehind(database.stores, knowsKey(id))).length === 0) return;
    await sleep(pauseMs);
  }
}
