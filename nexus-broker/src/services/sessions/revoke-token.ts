import type { RequestContext } from '../../domain/request-context.js';
import { endSessionsNow } from '../../sessions/end-sessions.js';
import type { CloseSessionDeps } from './close-agent-session.js';
import { findOwnSession, type TokenOfAgent } from './find-own-session.js';

/** Ends the session of a token that is the asking agent's; any other token is none (RFC 7009, section 2.2). */
export async function revokeToken(
  deps: CloseSessionDeps,
  input: Omit<TokenOfAgent, 'operation'>,
  context: RequestContext,
): Promise<void> {
  const timed = await findOwnSession(deps, { ...input, operation: 'revokeToken' }, context);
  if (timed === null) return;
  await endSessionsNow(deps, { filter: { sessionId: timed.session.sessionId }, end: 'closed' }, context);
}
