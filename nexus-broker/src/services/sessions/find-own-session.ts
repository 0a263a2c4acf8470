import { NexusError } from '@nexus/core/errors';
import type { RequestContext } from '../../domain/request-context.js';
import type { Database } from '../../stores/database.js';
import type { TimedSession } from '../../stores/session-reads.js';
import { findSessionByToken } from './find-session-by-token.js';

/**
 * The session of a token that was issued to the asking agent; another agent's is as unknown as one that never was.
 *
 * @throws NexusError `forbidden` where the key is not the agent's.
 */
export async function findOwnSession(
  database: Database,
  { agentId, token }: { readonly agentId: string; readonly token: string | null },
  { principal }: RequestContext,
): Promise<TimedSession | null> {
  if (principal?.agentId !== agentId)
    throw new NexusError('forbidden', 'This key belongs to another agent; use the key of the agent you name.');
  const found = token === null ? null : await findSessionByToken(database, token);
  return found?.session.agentId === agentId ? found : null;
}
