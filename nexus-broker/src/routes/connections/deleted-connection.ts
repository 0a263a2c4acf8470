import type { ConnectionDeleted } from '@nexus/broker-api/connections';
import type { DeletedConnection } from '../../services/connections/delete-connection.js';

export function toConnectionDeleted(deleted: DeletedConnection): ConnectionDeleted {
  return {
    connection_ref: deleted.connectionRef,
    status: 'revoked',
    revoked_at: deleted.revokedAt,
    already_revoked: deleted.alreadyRevoked,
    provider_revoked: deleted.providerRevoked,
    ...(deleted.providerRevocationError === null ? {} : { provider_revocation_error: deleted.providerRevocationError }),
    sessions_closed: deleted.sessionsClosed,
  };
}
