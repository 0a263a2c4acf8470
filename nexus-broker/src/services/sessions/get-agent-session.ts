import type { AgentSession } from '../../domain/agent-session.js';
import type { RequestContext } from '../../domain/request-context.js';
import { isSessionUsable } from '../../sessions/session-gate.js';
import type { Database } from '../../stores/database.js';
import { findVisibleSession } from './find-visible-session.js';

/** A session and whether a read through it would be let pass now. */
export async function getAgentSession(
  deps: { readonly database: Database },
  input: { readonly sessionId: string },
  context: RequestContext,
): Promise<{ readonly session: AgentSession; readonly active: boolean }> {
  const timed = await findVisibleSession(deps.database, input.sessionId, context);
  return { session: timed.session, active: await isSessionUsable(deps.database, timed) };
}
