import { NexusError } from '@nexus/core/errors';
import type { KeyRingRow } from '@nexus/vault/key-ring';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { countSealed, sealsValues } from '../../keyring/count-rows.js';
import { findDataKey, wrongState } from '../../keyring/find-data-key.js';
import { actOnChange, type KeyRingDeps } from '../../keyring/key-ring-deps.js';
import { requireReplicas } from '../../keyring/replicas.js';
import type { Stores } from '../../stores/database.js';
import { type DataKeyView, viewDataKey } from './key-ring-view.js';

const retirable = ['decrypt-only', 'compromised'] as const;

/**
 * Sets a data key out of use under which nothing is sealed any more. From now on the time runs after which it may be
 * destroyed.
 *
 * @throws NexusError `data_key_not_found`, `key_state_conflict`, `key_in_use`, `replicas_behind`.
 */
export async function retireDataKey(
  deps: KeyRingDeps,
  input: { readonly id: number },
  context: RequestContext,
): Promise<DataKeyView> {
  const { database, audit, fence } = deps;
  await fence.beat();
  await database.transaction(async (stores) => {
    await stores.keyRing.lock();
    const key = await findDataKey(stores, input.id);
    await requireUnused(stores, key);
    if (!(await stores.keyRing.changeState(key.id, retirable, 'deactivated'))) {
      throw wrongState(key, 'decrypt-only or compromised');
    }
    const entry = audit.entry(
      {
        eventType: 'vault.retired',
        outcome: 'success',
        resourceId: String(key.id),
        data: { key_id: String(key.id), purpose: key.purpose },
      },
      toAuditOrigin(context),
    );
    await stores.audit.insert([entry]);
  });
  await actOnChange(deps);
  return viewDataKey(database.stores, deps.vault, await findDataKey(database.stores, input.id));
}

async function requireUnused(stores: Stores, key: KeyRingRow): Promise<void> {
  if (!retirable.some((state) => state === key.state)) return;
  if (!sealsValues(key.purpose)) {
    throw new NexusError('key_in_use', 'The audit log is verified with this key for as long as the log is kept.');
  }
  const rows = await countSealed(stores, key);
  if (rows > 0) throw new NexusError('key_in_use', `${rows} values are sealed under this key.`);
  await requireReplicas(stores, {
    isMet: ({ sealingKeys }) => sealingKeys[key.purpose] !== key.id,
    lack: `still seal with data key ${key.id}`,
  });
}
