import type { AgentSession } from '../../domain/agent-session.js';
import type { RequestContext } from '../../domain/request-context.js';
import { isSessionUsable } from '../../sessions/session-gate.js';
import type { Database } from '../../stores/database.js';
import { findOwnSession } from './find-own-session.js';

export interface TokenOfAgent {
  readonly agentId: string;
  /** Null for a value that is no token of ours. */
  readonly token: string | null;
}

/** The session of a token if it is the asking agent's and may be used now, else null (RFC 7662, section 2.2). */
export async function introspectToken(
  deps: { readonly database: Database },
  input: TokenOfAgent,
  context: RequestContext,
): Promise<AgentSession | null> {
  const timed = await findOwnSession(deps.database, input, context);
  if (timed === null) return null;
  return (await isSessionUsable(deps.database, timed)) ? timed.session : null;
}
