/** Broker connections to v1: every field is named, so an internal addition never becomes public by itself. */
import type * as Broker from '@nexus/broker-api/connections';
import type {
  Completed,
  ConnectionDeleted,
  ConnectionList,
  ConnectionRequest,
  ConnectionRequested,
  ConnectionState,
  ConnectionSummary,
} from '../schemas/v1/connection.js';

/** Resolves the alias `user_id`; the schema has checked that both agree and that one of them is there. */
export function toBrokerRequest(body: ConnectionRequest): Broker.ConnectionRequest {
  const { user_id, workspace_id, ...rest } = body;
  return { ...rest, workspace_id: workspace_id ?? user_id ?? '' };
}

export function toConnectionRequested(answer: Broker.ConnectionRequested): ConnectionRequested {
  return {
    connection_id: answer.connection_id,
    connection_ref: answer.connection_ref,
    auth_url: answer.auth_url,
    authUrl: answer.auth_url,
    state: answer.state,
    provider_id: answer.provider_id,
    provider_name: answer.provider_name,
    scopes: answer.scopes,
    expires_at: answer.expires_at,
  };
}

export function toConnectionState(answer: Broker.ConnectionState): ConnectionState {
  return {
    status: answer.status,
    connection_ref: answer.connection_ref,
    provider_name: answer.provider_name,
    scopes: answer.scopes,
    account: answer.account,
    reason: answer.reason,
    updated_at: answer.updated_at,
  };
}

export function toCompleted(answer: Broker.Completed): Completed {
  return { connection_ref: answer.connection_ref, status: answer.status };
}

function toConnectionSummary(row: Broker.ConnectionSummary): ConnectionSummary {
  return {
    connection_ref: row.connection_ref,
    workspace_id: row.workspace_id,
    provider_id: row.provider_id,
    provider_name: row.provider_name,
    status: row.status,
    reason: row.reason,
    scopes: row.scopes,
    account: row.account,
    requested_by: row.requested_by,
    created_at: row.created_at,
    updated_at: row.updated_at,
    revoked_at: row.revoked_at,
  };
}

export function toConnectionList(answer: Broker.ConnectionList): ConnectionList {
  return { connections: answer.connections.map(toConnectionSummary) };
}

export function toConnectionDeleted(answer: Broker.ConnectionDeleted): ConnectionDeleted {
  return {
    connection_ref: answer.connection_ref,
    status: answer.status,
    revoked_at: answer.revoked_at,
    already_revoked: answer.already_revoked,
    provider_revoked: answer.provider_revoked,
    ...(answer.provider_revocation_error === undefined
      ? {}
      : { provider_revocation_error: answer.provider_revocation_error }),
    sessions_closed: answer.sessions_closed,
  };
}
