import type { KeyRingRow } from '@nexus/vault/key-ring';
import type { AuditOrigin } from '../../domain/audit-event.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { addDataKey } from '../../keyring/add-data-key.js';
import { findDataKey, wrongState } from '../../keyring/find-data-key.js';
import { actOnChange, type KeyRingDeps } from '../../keyring/key-ring-deps.js';
import { activate } from '../../keyring/promote-data-key.js';
import { type DataKeyView, viewDataKey } from './key-ring-view.js';

const idle = ['pre-active', 'decrypt-only', 'deactivated'] as const;

/**
 * Marks a data key as known to others. One that seals gets a successor at once, without waiting for replicas: they
 * learn of it with the first value they meet under it. What the key sealed is sealed again at full speed.
 *
 * @throws NexusError `data_key_not_found`, `key_state_conflict`, `kek_unusable`, `key_provider_unavailable`.
 */
export async function compromiseDataKey(
  deps: KeyRingDeps,
  input: { readonly id: number },
  context: RequestContext,
): Promise<DataKeyView> {
  const { database, audit } = deps;
  const origin = toAuditOrigin(context);
  const seen = await findDataKey(database.stores, input.id);
  const successor = seen.state === 'active' ? await prepareSuccessor(deps, seen, origin) : null;
  await database.transaction(async (stores) => {
    await stores.keyRing.lock();
    if (!(await stores.keyRing.changeState(seen.id, successor === null ? idle : ['active'], 'compromised'))) {
      throw wrongState(await findDataKey(stores, seen.id), 'neither compromised nor destroyed');
    }
    if (successor !== null) await activate(deps, stores, successor, origin);
    const entry = audit.entry(
      {
        eventType: 'vault.compromised',
        outcome: 'success',
        resourceId: String(seen.id),
        data: {
          key_id: String(seen.id),
          purpose: seen.purpose,
          successor: successor === null ? null : String(successor.id),
        },
      },
      origin,
    );
    await stores.audit.insert([entry]);
  });
  await actOnChange(deps);
  return viewDataKey(database.stores, deps.vault, await findDataKey(database.stores, seen.id));
}

async function prepareSuccessor(deps: KeyRingDeps, key: KeyRingRow, origin: AuditOrigin): Promise<KeyRingRow> {
  const rows = await deps.database.stores.keyRing.list();
  const waiting = rows.find((row) => row.purpose === key.purpose && row.state === 'pre-active');
  const successor = waiting ?? (await addDataKey(deps, key.purpose, origin));
  // The last note under this key is the one by which auditors can follow to the next.
  if (key.purpose === 'checkpoint') await deps.auditSealer.checkpointNow();
  return successor;
}
