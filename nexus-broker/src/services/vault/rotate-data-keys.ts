import type { KeyPurpose } from '@nexus/vault/key-ring';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { KeyRingDeps } from '../../keyring/key-ring-deps.js';
import { rotateDataKeys as rotate, rotatedPurposes } from '../../keyring/rotate-data-keys.js';
import { type DataKeyView, viewDataKey } from './key-ring-view.js';

/** @throws NexusError `replicas_behind`, `kek_unusable`, `key_provider_unavailable`. */
export async function rotateDataKeys(
  deps: KeyRingDeps,
  input: { readonly purposes: readonly KeyPurpose[] | null },
  context: RequestContext,
): Promise<readonly DataKeyView[]> {
  const keys = await rotate(deps, input.purposes ?? rotatedPurposes, toAuditOrigin(context));
  return Promise.all(keys.map((key) => viewDataKey(deps.database.stores, deps.vault, key)));
}
