import { NexusError } from '@nexus/core/errors';
import type { AuditLog } from '../../audit/audit-log.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { Database } from '../../stores/database.js';
import type { TimedSession } from '../../stores/session-reads.js';
import { findSessionByToken } from './find-session-by-token.js';

export interface OwnSessionDeps {
  readonly database: Database;
  readonly audit: AuditLog;
}

/** A token shown by an agent as its own. */
export interface TokenOfAgent {
  readonly agentId: string;
  /** Null for a value that is no token of ours. */
  readonly token: string | null;
  /** Recorded when the key turns out to be another agent's. */
  readonly operation: string;
}

/**
 * The session of a token that was issued to the asking agent; another agent's is as unknown as one that never was.
 *
 * @throws NexusError `forbidden` where the key is not the agent's.
 */
export async function findOwnSession(
  { database, audit }: OwnSessionDeps,
  { agentId, token, operation }: TokenOfAgent,
  context: RequestContext,
): Promise<TimedSession | null> {
  const { principal } = context;
  if (principal?.agentId !== agentId) {
    await audit.note(
      {
        eventType: 'auth.forbidden',
        outcome: 'refused',
        ...(principal?.agentId == null ? {} : { agentId: principal.agentId }),
        data: { role: principal?.role ?? null, operation },
      },
      toAuditOrigin(context),
    );
    throw new NexusError('forbidden', 'This key belongs to another agent; use the key of the agent you name.');
  }
  const found = token === null ? null : await findSessionByToken(database, token);
  return found?.session.agentId === agentId ? found : null;
}
