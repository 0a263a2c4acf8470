import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { equalDigests, hashToken, readTokenPrefix } from '@nexus/core/tokens';
import { isUsable, keyPrefix, type Principal, toPrincipal } from '../../domain/api-key.js';
import type { Database } from '../../stores/database.js';

export interface AuthenticateDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly onBackgroundError: (error: unknown) => void;
}

/**
 * Tells whose key this is. A malformed value is turned away by its checksum without a query; a stored one is found by
 * its hash and compared in constant time.
 *
 * @throws NexusError `invalid_api_key`
 */
export async function authenticateKey(deps: AuthenticateDeps, value: string): Promise<Principal> {
  const prefix = readTokenPrefix(value);
  if (prefix === null) throw invalidKey();
  const hash = hashToken(value);
  const key = await deps.database.stores.keys.findByHash(hash);
  const now = toInstant(deps.clock.now());
  if (key === null || !equalDigests(key.keyHash, hash) || !isUsable(key, now) || keyPrefix[key.role] !== prefix) {
    throw invalidKey();
  }
  if (isTouchDue(key.lastUsedAt, deps.clock.now())) {
    deps.database.transaction((stores) => stores.keys.touch(key.keyId, now)).catch(deps.onBackgroundError);
  }
  return toPrincipal(key);
}

/** The time of last use is kept to the minute, so that a busy key does not write on every request. */
function isTouchDue(lastUsedAt: string | null, nowMs: number): boolean {
  return lastUsedAt === null || nowMs - Date.parse(lastUsedAt) >= 60_000;
}

function invalidKey(): NexusError {
  return new NexusError('invalid_api_key', 'This key does not exist, was revoked or has expired.');
}
