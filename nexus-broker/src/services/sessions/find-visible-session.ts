import { NexusError } from '@nexus/core/errors';
import type { RequestContext } from '../../domain/request-context.js';
import type { Database } from '../../stores/database.js';
import type { TimedSession } from '../../stores/session-reads.js';

/**
 * A session as far as the caller may know it: an agent sees its own, an application those it opened. A foreign one looks
 * exactly like a missing one.
 *
 * @throws NexusError `session_not_found`.
 */
export async function findVisibleSession(
  database: Database,
  sessionId: string,
  { principal }: RequestContext,
): Promise<TimedSession> {
  const found = await database.stores.sessions.findById(sessionId);
  if (found === null || principal === null) throw sessionNotFound();
  if (principal.role === 'agent' && found.session.agentId !== principal.agentId) throw sessionNotFound();
  if (principal.role === 'app' && found.session.openedBy !== principal.keyId) throw sessionNotFound();
  return found;
}

function sessionNotFound(): NexusError {
  return new NexusError('session_not_found', 'No session of yours has this id; check it, or open a new session.');
}
