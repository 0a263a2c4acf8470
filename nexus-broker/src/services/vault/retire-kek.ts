import { NexusError } from '@nexus/core/errors';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { KeyRingDeps } from '../../keyring/key-ring-deps.js';
import { requireReplicas } from '../../keyring/replicas.js';
import type { Stores } from '../../stores/database.js';
import { findKek, findKekView } from './find-kek.js';
import type { KekView } from './key-ring-view.js';

/**
 * From now on no replica needs the key: it may leave the key provider, as far as no backup needs it.
 *
 * @throws NexusError `kek_not_found`, `key_in_use`, `key_state_conflict` when it was retired before, `replicas_behind`.
 */
export async function retireKek(
  deps: KeyRingDeps,
  input: { readonly id: string },
  context: RequestContext,
): Promise<KekView> {
  const { database, audit, fence } = deps;
  await findKek(database.stores, input.id);
  await fence.prove();
  await fence.beat();
  await database.transaction(async (stores) => {
    await stores.keyRing.lock();
    await requireUnused(stores, input.id);
    if (!(await stores.keks.changeState(input.id, ['added', 'decrypt-only'], 'retired'))) {
      throw new NexusError('key_state_conflict', 'This key-encryption key is retired already.');
    }
    const entry = audit.entry(
      { eventType: 'vault.retired', outcome: 'success', resourceId: input.id, data: { kek_id: input.id } },
      toAuditOrigin(context),
    );
    await stores.audit.insert([entry]);
  });
  return findKekView(database.stores, input.id);
}

async function requireUnused(stores: Stores, id: string): Promise<void> {
  const primary = (await stores.keks.list()).find((kek) => kek.state === 'primary');
  if (primary === undefined || primary.id === id) {
    throw new NexusError('key_in_use', 'This key wraps the data keys; promote another one first.');
  }
  const wrapped = (await stores.keyRing.list()).filter((row) => row.state !== 'destroyed' && row.wrappedBy === id);
  if (wrapped.length > 0) {
    throw new NexusError('key_in_use', `It wraps the data keys ${wrapped.map((row) => row.id).join(', ')}.`);
  }
  await requireReplicas(stores, {
    isMet: ({ keks }) => keks.includes(primary.id),
    lack: `do not hold key ${JSON.stringify(primary.id)}, which is primary`,
  });
}
