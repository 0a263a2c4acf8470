import { NexusError } from '@nexus/core/errors';
import { hashToken, isToken } from '@nexus/core/tokens';
import type { AuditLog } from '../audit/audit-log.js';
import type { Connection } from '../domain/connection.js';
import type { MissLimiter } from '../domain/miss-limiter.js';
import { type RequestContext, toAuditOrigin } from '../domain/request-context.js';
import { toSourceKey } from '../domain/source-key.js';
import type { Database } from '../stores/database.js';

export interface FindByIdDeps {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly missLimiter: MissLimiter;
}

/**
 * Finds the row behind a connection id. A malformed id costs no query. Misses are limited per source and hits never
 * are, so a flood of guesses cannot keep anybody from a connection whose id is known.
 *
 * @throws NexusError `connection_not_found`, `rate_limited`.
 */
export async function getConnectionById(
  deps: FindByIdDeps,
  connectionId: string,
  context: RequestContext,
  route: string,
): Promise<Connection> {
  if (isToken(connectionId, 'nxc')) {
    const connection = await deps.database.stores.connections.findByIdHash(hashToken(connectionId));
    if (connection !== null) return connection;
  }
  deps.audit
    .note(
      { eventType: 'token.retrieval_failed', outcome: 'refused', data: { code: 'connection_not_found', route } },
      toAuditOrigin(context),
    )
    .catch(() => {});
  const retryAfter = deps.missLimiter.countMiss(toSourceKey(context.callerIp));
  if (retryAfter !== null) {
    throw new NexusError('rate_limited', 'Too many unknown connection ids from this address.', { retryAfter });
  }
  throw new NexusError('connection_not_found', 'No connection has this id.');
}
