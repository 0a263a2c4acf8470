import type { PublicReason } from '@nexus/core/errors';
import type { Connection, ConnectionStatus, StatusNow } from '../../domain/connection.js';
import { toPublicReason } from '../../domain/connection.js';
import type { Provider } from '../../domain/provider.js';

/** A connection as callers may see it: no secret, and nothing that opens one. */
export interface ConnectionView {
  readonly connection: Connection;
  readonly providerName: string;
  readonly status: ConnectionStatus;
  readonly reason: PublicReason | null;
  readonly account: { readonly subject: string | null; readonly label: string | null } | null;
}

export function toConnectionView(connection: Connection, provider: Provider, now: StatusNow): ConnectionView {
  const { accountSubject: subject, accountLabel: label } = connection;
  return {
    connection,
    providerName: provider.profile.name,
    status: now.status,
    reason: toPublicReason(now.reason),
    account: subject === null && label === null ? null : { subject, label },
  };
}
