import type { SessionIntrospection, SessionOpened, SessionState, SessionSummary } from '@nexus/broker-api/sessions';
import { type Instant, toEpochMs } from '@nexus/core/clock';
import type { AgentSession } from '../../domain/agent-session.js';
import type { SessionListing } from '../../services/sessions/list-sessions.js';
import type { OpenedSession } from '../../services/sessions/open-session.js';

function toWireDelegation({ onBehalfOf: user }: AgentSession) {
  if (user === null) return { obo: false };
  return { obo: true, acting_for: user.subject, tenant_id: user.tenantId, clearance_level: user.clearanceLevel };
}

export function toWireOpened({ session, token }: OpenedSession): SessionOpened {
  return {
    session_id: session.sessionId,
    agent_id: session.agentId,
    connection_ref: session.connectionRef,
    access_token: token,
    token_type: 'session',
    scopes_granted: [...session.scopes],
    expires_at: session.expiresAt,
    active: true,
    ...toWireDelegation(session),
  };
}

function toWireFacts(session: AgentSession) {
  return {
    session_id: session.sessionId,
    agent_id: session.agentId,
    connection_ref: session.connectionRef,
    scopes_granted: [...session.scopes],
    created_at: session.createdAt,
    expires_at: session.expiresAt,
    closed_at: session.closedAt,
    ...toWireDelegation(session),
  };
}

export function toWireState(session: AgentSession, active: boolean): SessionState {
  return { ...toWireFacts(session), active };
}

export function toWireSummary({ session, providerName, isOpen }: SessionListing): SessionSummary {
  return {
    ...toWireFacts(session),
    workspace_id: session.workspaceId,
    provider_name: providerName,
    key_id: session.openedBy,
    ...(session.onBehalfOf === null ? {} : { issuer: session.onBehalfOf.issuer }),
    end: session.end,
    open: isOpen,
  };
}

/** Times as RFC 7662 has them, in Unix seconds. */
export function toWireIntrospection(session: AgentSession): SessionIntrospection {
  const user = session.onBehalfOf;
  return {
    active: true,
    session_id: session.sessionId,
    agent_id: session.agentId,
    connection_ref: session.connectionRef,
    scopes: [...session.scopes],
    issued_at: toSeconds(session.createdAt),
    expires_at: toSeconds(session.expiresAt),
    ...(user === null ? {} : { acting_for: { issuer: user.issuer, subject: user.subject } }),
  };
}

function toSeconds(instant: Instant): number {
  return Math.floor(toEpochMs(instant) / 1_000);
}
