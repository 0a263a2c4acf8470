import type { Insertable, Selectable } from 'kysely';
import type { AgentSession, OnBehalfOf } from '../domain/agent-session.js';
import { decodeJson, decodeSealed, encodeJson } from './codecs.js';
import type { AgentSessionTable } from './schema.js';

export function toSession(row: Selectable<AgentSessionTable>): AgentSession {
  return {
    sessionId: row.session_id,
    tokenHash: row.token_hash,
    agentId: row.agent_id,
    openedBy: row.opened_by,
    connectionRef: row.connection_ref,
    providerId: row.provider_id,
    workspaceId: row.workspace_id,
    scopes: decodeJson(row.scopes),
    onBehalfOf: toUser(row),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    closedAt: row.closed_at,
    end: row.end_reason,
    sealedToken: decodeSealed(row.sealed_token),
    tokenVersion: row.token_version,
    tokenOrigin: row.token_origin,
  };
}

function toUser(row: Selectable<AgentSessionTable>): OnBehalfOf | null {
  if (row.user_issuer === null || row.user_subject === null) return null;
  return {
    issuer: row.user_issuer,
    subject: row.user_subject,
    tenantId: row.user_tenant,
    clearanceLevel: row.user_clearance ?? 0,
  };
}

export function toSessionRow(session: AgentSession): Insertable<AgentSessionTable> {
  const user = session.onBehalfOf;
  return {
    session_id: session.sessionId,
    token_hash: session.tokenHash,
    agent_id: session.agentId,
    opened_by: session.openedBy,
    connection_ref: session.connectionRef,
    provider_id: session.providerId,
    workspace_id: session.workspaceId,
    scopes: encodeJson(session.scopes),
    user_issuer: user?.issuer ?? null,
    user_subject: user?.subject ?? null,
    user_tenant: user?.tenantId ?? null,
    user_clearance: user?.clearanceLevel ?? null,
    created_at: session.createdAt,
    expires_at: session.expiresAt,
    closed_at: session.closedAt,
    end_reason: session.end,
    sealed_token: session.sealedToken,
    token_version: session.tokenVersion,
    token_origin: session.tokenOrigin,
  };
}
