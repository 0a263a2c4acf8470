import { NexusError } from '@nexus/core/errors';
import { disclose, noteRefusal, type Reader, recordDisclosure } from '../../disclosure/disclose-credential.js';
import { type ReadCredentialDeps, renewWhereDue } from '../../disclosure/read-credential.js';
import { grantedScopes, requireGrantedScopes, widerScopes } from '../../domain/agent-session.js';
import { type DisclosedCredential, discloseCredential } from '../../domain/credential-payload.js';
import type { MissLimiter } from '../../domain/miss-limiter.js';
import type { RequestContext } from '../../domain/request-context.js';
import { passGate, type UsableSession } from '../../sessions/session-gate.js';
import type { SessionTokens } from '../../sessions/session-tokens.js';
import type { TimedSession } from '../../stores/session-reads.js';
import { findSessionByToken, refuseSessionToken } from './find-session-by-token.js';

export type GetSessionTokenDeps = ReadCredentialDeps & {
  readonly authLimiter: MissLimiter;
  readonly sessionTokens: SessionTokens;
};

export interface GetSessionTokenInput {
  readonly sessionId: string;
  readonly sessionToken: string;
}

export interface SessionCredential {
  readonly payload: DisclosedCredential;
  /** Whether the token was minted for this session and can do no more than it. */
  readonly narrowed: boolean;
}

/**
 * Hands out a credential through a session. What leaves can do no more than the session, or the provider profile says
 * that it may and the record says by how much.
 */
export async function getSessionToken(
  deps: GetSessionTokenDeps,
  input: GetSessionTokenInput,
  context: RequestContext,
): Promise<SessionCredential> {
  const timed = await findSessionByToken(deps.database, input.sessionToken);
  if (timed === null || timed.session.sessionId !== input.sessionId) {
    throw await refuseSessionToken(deps, null, context);
  }
  const { session } = timed;
  const connection = await deps.database.stores.connections.findByRef(session.connectionRef);
  if (connection === null) throw await refuseSessionToken(deps, session, context);
  const reader: Reader = {
    context: { ...context, principal: null, sessionId: session.sessionId },
    route: 'getSessionToken',
    session,
  };
  const usable = await enter(deps, timed, context);
  return noteRefusal(deps, connection, reader, async () => {
    if (usable instanceof NexusError) throw usable;
    return read(deps, usable, reader);
  });
}

/** What the gate refuses of a session that lives on is the session's own affair, and told as such. */
async function enter(
  deps: GetSessionTokenDeps,
  timed: TimedSession,
  context: RequestContext,
): Promise<UsableSession | NexusError> {
  try {
    return await passGate(deps.database, timed);
  } catch (error) {
    if (!(error instanceof NexusError)) throw error;
    if (error.code === 'invalid_session_token') throw await refuseSessionToken(deps, timed.session, context);
    return error;
  }
}

async function read(deps: GetSessionTokenDeps, usable: UsableSession, reader: Reader): Promise<SessionCredential> {
  const { provider, session } = usable;
  const { profile } = provider;
  const need = { minValiditySeconds: 0, context: reader.context };
  const connection = await renewWhereDue(deps, usable.connection, provider, need);
  const granted = grantedScopes(connection, profile);
  // A refresh may have brought back less than was granted before.
  requireGrantedScopes(granted, session.scopes);
  if (widerScopes(granted, session.scopes).length === 0) {
    return { payload: await disclose(deps, connection, provider, reader), narrowed: false };
  }
  const narrow = await deps.sessionTokens.obtain({ ...usable, connection }, reader.context);
  if (narrow !== null) {
    const payload = discloseCredential(connection, profile, narrow);
    await recordDisclosure(deps, { connection, provider, reader, payload, narrowed: true });
    return { payload, narrowed: true };
  }
  if (!profile.allowWiderToken) {
    throw new NexusError(
      'cannot_narrow_token',
      'The token of this connection can do more than the session may, and the provider mints no narrower one.',
    );
  }
  return { payload: await disclose(deps, connection, provider, reader), narrowed: false };
}
