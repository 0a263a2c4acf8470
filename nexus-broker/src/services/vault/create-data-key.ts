import type { KeyPurpose } from '@nexus/vault/key-ring';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { addDataKey } from '../../keyring/add-data-key.js';
import type { KeyRingDeps } from '../../keyring/key-ring-deps.js';
import { type DataKeyView, viewDataKey } from './key-ring-view.js';

/** @throws NexusError `key_state_conflict`, `kek_unusable`, `key_provider_unavailable`. */
export async function createDataKey(
  deps: KeyRingDeps,
  input: { readonly purpose: KeyPurpose },
  context: RequestContext,
): Promise<DataKeyView> {
  const key = await addDataKey(deps, input.purpose, toAuditOrigin(context));
  return viewDataKey(deps.database.stores, deps.vault, key);
}
