import { NexusError } from '@nexus/core/errors';
import type { KeyRingRow } from '@nexus/vault/key-ring';
import { goneSeconds } from '../../domain/key-rotation.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { countSealed, sealsValues } from '../../keyring/count-rows.js';
import { findDataKey, wrongState } from '../../keyring/find-data-key.js';
import { actOnChange, type KeyRingDeps } from '../../keyring/key-ring-deps.js';
import { requireReplicas } from '../../keyring/replicas.js';
import type { Stores } from '../../stores/database.js';
import { type DataKeyView, viewDataKey } from './key-ring-view.js';

export interface DestroyDataKeyDeps extends KeyRingDeps {
  readonly config: { readonly backupRetentionDays: number };
}

const daySeconds = 86_400;
/** A value sealed before the key was retired may be committed this much later: a transaction lasts up to 30 s. */
const leastSeconds = 60;

/**
 * Deletes a data key for good, wrapped as it is. What only a backup still holds under it is lost with it, so backups
 * must have ended first.
 *
 * @throws NexusError `data_key_not_found`, `key_state_conflict`, `key_in_use`, `replicas_behind`.
 */
export async function destroyDataKey(
  deps: DestroyDataKeyDeps,
  input: { readonly id: number },
  context: RequestContext,
): Promise<DataKeyView> {
  const { database, audit } = deps;
  const waitSeconds = Math.max(deps.config.backupRetentionDays * daySeconds, leastSeconds);
  await database.transaction(async (stores) => {
    await stores.keyRing.lock();
    const key = await findDataKey(stores, input.id);
    await requireUnused(stores, key);
    if (!(await stores.keyRing.destroy(key.id, waitSeconds))) throw tooSoon(key, waitSeconds);
    const entry = audit.entry(
      {
        eventType: 'vault.destroyed',
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
  if (!sealsValues(key.purpose)) {
    throw new NexusError('key_in_use', 'The audit log is verified with this key; it is never destroyed.');
  }
  if (key.state !== 'deactivated') throw wrongState(key, 'deactivated');
  const rows = await countSealed(stores, key);
  if (rows > 0) throw new NexusError('key_in_use', `${rows} values are sealed under this key.`);
  await requireReplicas(stores, {
    isMet: ({ sealingKeys }) => sealingKeys[key.purpose] !== key.id,
    lack: `sealed with data key ${key.id} when they were last seen, and are not gone for a day`,
    withinSeconds: goneSeconds,
  });
}

function tooSoon(key: KeyRingRow, waitSeconds: number): NexusError {
  const wait = waitSeconds === leastSeconds ? `${leastSeconds} seconds` : `${waitSeconds / daySeconds} days`;
  const reason = `backups may hold values sealed under it for ${wait} from then on`;
  return new NexusError('key_in_use', `Data key ${key.id} was retired at ${key.retiredAt}; ${reason}.`);
}
