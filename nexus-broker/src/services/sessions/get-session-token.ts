import { NexusError } from '@nexus/core/errors';
import { disclose, noteRefusal, type Reader, recordDisclosure } from '../../disclosure/disclose-credential.js';
import { type ReadCredentialDeps, renewWhereDue } from '../../disclosure/read-credential.js';
import { type AgentSession, grantedScopes, requireGrantedScopes, widerScopes } from '../../domain/agent-session.js';
import type { OauthCredential } from '../../domain/credential.js';
import { type DisclosedCredential, discloseCredential } from '../../domain/credential-payload.js';
import type { MissLimiter } from '../../domain/miss-limiter.js';
import type { RequestContext } from '../../domain/request-context.js';
import { isOver, passGate, sessionIsOver, type UsableSession } from '../../sessions/session-gate.js';
import type { SessionTokens } from '../../sessions/session-tokens.js';
import type { Database } from '../../stores/database.js';
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

/** What the gate refuses of a session that lives on is the session's own affair, and recorded as such. */
async function enter(
  deps: GetSessionTokenDeps,
  timed: TimedSession,
  context: RequestContext,
): Promise<UsableSession | NexusError> {
  try {
    return await passGate(deps.database, timed);
  } catch (error) {
    if (!(error instanceof NexusError)) throw error;
    if (isOver(timed)) throw await refuseSessionToken(deps, timed.session, context, error);
    return error;
  }
}

/**
 * A token minted before serves without asking anybody. After anything that took time the gate is passed again: what was
 * cut meanwhile is cut.
 */
async function read(deps: GetSessionTokenDeps, entered: UsableSession, reader: Reader): Promise<SessionCredential> {
  const held = isWider(entered) ? await deps.sessionTokens.find(entered.session) : null;
  if (held !== null) return discloseNarrow(deps, entered, held, reader);
  const { provider, session } = entered;
  const need = { minValiditySeconds: 0, context: reader.context };
  const connection = await renewWhereDue(deps, entered.connection, provider, need);
  const renewed = { ...entered, connection };
  requireGrantedScopes(grantedScopes(connection, provider.profile), session.scopes);
  const narrow = isWider(renewed) ? await deps.sessionTokens.obtain(renewed, reader.context) : null;
  const hasWaited = connection !== entered.connection || isWider(renewed);
  const usable = hasWaited ? await passAgain(deps.database, session) : entered;
  if (narrow !== null) return discloseNarrow(deps, usable, narrow, reader);
  if (isWider(usable) && !usable.provider.profile.allowWiderToken) {
    throw new NexusError(
      'cannot_narrow_token',
      'The token of this connection can do more than the session may, and the provider mints no narrower one.',
    );
  }
  return { payload: await disclose(deps, usable.connection, usable.provider, reader), narrowed: false };
}

function isWider({ connection, provider, session }: UsableSession): boolean {
  return widerScopes(grantedScopes(connection, provider.profile), session.scopes).length > 0;
}

async function passAgain(database: Database, { sessionId }: AgentSession): Promise<UsableSession> {
  const timed = await database.stores.sessions.findById(sessionId);
  if (timed === null) throw sessionIsOver();
  return passGate(database, timed);
}

async function discloseNarrow(
  deps: GetSessionTokenDeps,
  { connection, provider }: UsableSession,
  credential: OauthCredential,
  reader: Reader,
): Promise<SessionCredential> {
  const payload = discloseCredential(connection, provider.profile, credential);
  await recordDisclosure(deps, { connection, provider, reader, payload, narrowed: true });
  return { payload, narrowed: true };
}
