import { NexusError } from '@nexus/core/errors';
import { hashToken, isToken } from '@nexus/core/tokens';
import type { AuditLog } from '../../audit/audit-log.js';
import { type AgentSession, describeSession, describeSessionData } from '../../domain/agent-session.js';
import type { MissLimiter } from '../../domain/miss-limiter.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { toSourceKey } from '../../domain/source-key.js';
import { sessionIsOver } from '../../sessions/session-gate.js';
import type { Database } from '../../stores/database.js';
import type { TimedSession } from '../../stores/session-reads.js';

/** The session of this token, or null. A malformed token costs no query. */
export async function findSessionByToken(database: Database, token: string): Promise<TimedSession | null> {
  return isToken(token, 'nxs') ? database.stores.sessions.findByTokenHash(hashToken(token)) : null;
}

interface RefusalDeps {
  readonly audit: AuditLog;
  readonly authLimiter: MissLimiter;
}

/**
 * Counts and records a token that opens nothing, as a refused key is; returns what to answer. `session` is the one that is
 * over: nobody holds it any more, so its refusals are counted by source, or its token could fill the log.
 */
export async function refuseSessionToken(
  deps: RefusalDeps,
  session: AgentSession | null,
  context: RequestContext,
  refusal: NexusError = sessionIsOver(),
): Promise<NexusError> {
  const { code } = refusal;
  await deps.audit.note(
    session === null
      ? { eventType: 'auth.failed', outcome: 'refused', data: { code } }
      : {
          eventType: 'session.refused',
          outcome: 'refused',
          connectionRef: session.connectionRef,
          workspaceId: session.workspaceId,
          ...describeSession(session),
          data: { ...describeSessionData(session), code },
        },
    toAuditOrigin(context),
  );
  const retryAfter = deps.authLimiter.countMiss(toSourceKey(context.callerIp));
  if (retryAfter === null) return refusal;
  return new NexusError('rate_limited', 'Too many refused session tokens from this address.', { retryAfter });
}
