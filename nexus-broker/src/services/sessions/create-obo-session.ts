import { NexusError } from '@nexus/core/errors';
import type { Agent } from '../../domain/agent.js';
import type { InFlightLimiter } from '../../domain/in-flight-limiter.js';
import type { RequestContext } from '../../domain/request-context.js';
import type { VerifiedUser } from '../../domain/verified-user.js';
import type { UserTokenVerifier } from '../../oauth/user-token-verifier.js';
import { type OpenedSession, type OpenSessionDeps, type OpenSessionInput, openSession } from './open-session.js';

export interface CreateOboSessionDeps extends OpenSessionDeps {
  readonly userTokens: UserTokenVerifier;
  /** Proofs under way, by agent: an issuer that does not answer shall not hold up those of others. */
  readonly userProofs: InFlightLimiter;
}

/** Opens a session in which an agent acts for a user whose token proves it (RFC 8693, section 1.1: delegation). */
export function createOboSession(
  deps: CreateOboSessionDeps,
  input: OpenSessionInput & { readonly userContextToken: string },
  context: RequestContext,
): Promise<OpenedSession> {
  const proveUser = (agent: Agent) => proveInTurn(deps, input.userContextToken, agent);
  return openSession(deps, input, proveUser, context, 'createOboSession');
}

async function proveInTurn(deps: CreateOboSessionDeps, token: string, { agentId }: Agent): Promise<VerifiedUser> {
  const leave = deps.userProofs.enter(agentId);
  if (leave === null) {
    throw new NexusError('user_verification_unavailable', 'Too many user tokens are being verified; try again.');
  }
  try {
    return await deps.userTokens.verify({ token, agentId });
  } finally {
    leave();
  }
}
