import type { ConnectionSummary } from '@nexus/broker-api/connections';
import type { ConnectionView } from '../../services/connections/connection-view.js';

export function toConnectionSummary(view: ConnectionView): ConnectionSummary {
  const { connection } = view;
  return {
    connection_ref: connection.connectionRef,
    workspace_id: connection.workspaceId,
    provider_id: connection.providerId,
    provider_name: view.providerName,
    status: view.status,
    reason: view.reason,
    scopes: [...(connection.grantedScopes ?? [])],
    account: view.account,
    requested_by: connection.requestedBy,
    expires_at: connection.accessExpiresAt,
    created_at: connection.createdAt,
    updated_at: connection.updatedAt,
    revoked_at: connection.revokedAt,
  };
}

/** What administration sees besides: the metadata the application attached. */
export function toAdministeredConnection(view: ConnectionView): ConnectionSummary {
  return { ...toConnectionSummary(view), metadata: view.connection.metadata };
}
