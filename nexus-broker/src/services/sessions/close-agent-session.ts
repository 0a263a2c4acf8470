import type { RequestContext } from '../../domain/request-context.js';
import { type EndSessionsDeps, endSessionsNow } from '../../sessions/end-sessions.js';
import { findVisibleSession } from './find-visible-session.js';

export type CloseSessionDeps = EndSessionsDeps;

/** Ends a session for every replica before it resolves. Repeating it changes nothing. @throws NexusError `session_not_found`. */
export async function closeAgentSession(
  deps: EndSessionsDeps,
  input: { readonly sessionId: string },
  context: RequestContext,
): Promise<void> {
  const { session } = await findVisibleSession(deps.database, input.sessionId, context);
  await endSessionsNow(deps, { filter: { sessionId: session.sessionId }, end: 'closed' }, context);
}
