import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { describeRevokedKey } from '../../domain/api-key.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { endSessions } from '../../sessions/end-sessions.js';
import type { EndedTokens } from '../../sessions/ended-tokens.js';
import type { KeyDeps } from './create-key.js';

export interface DeleteKeyDeps extends KeyDeps {
  readonly endedTokens: EndedTokens;
}

export interface DeletedKey {
  readonly keyId: string;
  readonly revokedAt: string;
  readonly sessionsClosed: number;
}

/**
 * Revokes a key at once, and with it the sessions it opened. Repeating it changes nothing.
 *
 * @throws NexusError `key_not_found`, also for a key that is not of the agent named.
 */
export async function deleteKey(
  deps: DeleteKeyDeps,
  input: { readonly keyId: string; readonly agentId: string | null },
  context: RequestContext,
): Promise<DeletedKey> {
  const key = await deps.database.stores.keys.findById(input.keyId);
  if (key === null || (input.agentId !== null && key.agentId !== input.agentId)) {
    throw new NexusError('key_not_found', 'No key has this id.');
  }
  const { keyId } = key;
  const at = toInstant(deps.clock.now());
  const origin = toAuditOrigin(context);
  const closed = await deps.database.transaction(async (stores) => {
    if (!(await stores.keys.revoke(keyId, at))) return null;
    const sessions = await endSessions(stores, deps.audit, {
      filter: { openedBy: keyId },
      end: 'key_revoked',
      origin,
    });
    const revoked = describeRevokedKey(key);
    await stores.audit.insert([
      deps.audit.entry({ ...revoked, data: { ...revoked.data, sessions_closed: sessions.length } }, origin),
    ]);
    return sessions.length;
  });
  if (closed === null) return { keyId, revokedAt: key.revokedAt ?? at, sessionsClosed: 0 };
  deps.endedTokens.discardSoon();
  return { keyId, revokedAt: at, sessionsClosed: closed };
}
