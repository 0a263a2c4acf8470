import type { AgentSession } from '../../domain/agent-session.js';
import type { RequestContext } from '../../domain/request-context.js';
import { isSessionUsable } from '../../sessions/session-gate.js';
import { findOwnSession, type OwnSessionDeps, type TokenOfAgent } from './find-own-session.js';

/** The session of a token if it is the asking agent's and may be used now, else null (RFC 7662, section 2.2). */
export async function introspectToken(
  deps: OwnSessionDeps,
  input: Omit<TokenOfAgent, 'operation'>,
  context: RequestContext,
): Promise<AgentSession | null> {
  const timed = await findOwnSession(deps, { ...input, operation: 'introspectToken' }, context);
  if (timed === null) return null;
  return (await isSessionUsable(deps.database, timed)) ? timed.session : null;
}
