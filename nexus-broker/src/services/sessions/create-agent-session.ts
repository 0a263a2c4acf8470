import type { RequestContext } from '../../domain/request-context.js';
import { type OpenedSession, type OpenSessionDeps, type OpenSessionInput, openSession } from './open-session.js';

/** Opens a session in which an agent acts for itself. */
export function createAgentSession(
  deps: OpenSessionDeps,
  input: OpenSessionInput,
  context: RequestContext,
): Promise<OpenedSession> {
  return openSession(deps, input, null, context, 'createAgentSession');
}
