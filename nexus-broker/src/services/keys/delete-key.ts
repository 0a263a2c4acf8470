import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { KeyDeps } from './create-key.js';

/** Revokes a key at once. Repeating it changes nothing. */
export async function deleteKey(
  deps: KeyDeps,
  input: { readonly keyId: string },
  context: RequestContext,
): Promise<{ readonly keyId: string; readonly revokedAt: string }> {
  const key = await deps.database.stores.keys.findById(input.keyId);
  if (key === null) throw new NexusError('key_not_found', 'No key has this id.');
  const at = toInstant(deps.clock.now());
  const isRevoked = await deps.database.transaction(async (stores) => {
    if (!(await stores.keys.revoke(key.keyId, at))) return false;
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'key.revoked',
          outcome: 'success',
          resourceId: key.keyId,
          data: { key_id: key.keyId, role: key.role, name: key.name },
        },
        toAuditOrigin(context),
      ),
    ]);
    return true;
  });
  return { keyId: key.keyId, revokedAt: isRevoked ? at : (key.revokedAt ?? at) };
}
