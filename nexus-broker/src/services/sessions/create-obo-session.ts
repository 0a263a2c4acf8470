import type { RequestContext } from '../../domain/request-context.js';
import type { UserTokenVerifier } from '../../oauth/user-token-verifier.js';
import { type OpenedSession, type OpenSessionDeps, type OpenSessionInput, openSession } from './open-session.js';

export interface CreateOboSessionDeps extends OpenSessionDeps {
  readonly userTokens: UserTokenVerifier;
}

/** Opens a session in which an agent acts for a user whose token proves it (RFC 8693, section 1.1: delegation). */
export function createOboSession(
  deps: CreateOboSessionDeps,
  input: OpenSessionInput & { readonly userContextToken: string },
  context: RequestContext,
): Promise<OpenedSession> {
  const { userContextToken: token } = input;
  const proveUser = ({ agentId }: { readonly agentId: string }) => deps.userTokens.verify({ token, agentId });
  return openSession(deps, input, proveUser, context, 'createOboSession');
}
