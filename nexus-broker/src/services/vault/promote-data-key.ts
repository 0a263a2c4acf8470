import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { KeyRingDeps } from '../../keyring/key-ring-deps.js';
import { promoteDataKey as promote } from '../../keyring/promote-data-key.js';
import { type DataKeyView, viewDataKey } from './key-ring-view.js';

/** @throws NexusError `data_key_not_found`, `key_state_conflict`, `replicas_behind`. */
export async function promoteDataKey(
  deps: KeyRingDeps,
  input: { readonly id: number },
  context: RequestContext,
): Promise<DataKeyView> {
  const key = await promote(deps, input.id, toAuditOrigin(context));
  return viewDataKey(deps.database.stores, deps.vault, key);
}
