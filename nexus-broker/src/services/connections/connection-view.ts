import type { PublicReason } from '@nexus/core/errors';
import type { Connection, ConnectionStatus, StatusNow } from '../../domain/connection.js';
import { toPublicReason } from '../../domain/connection.js';
import type { PlaceValues } from '../../domain/placeholders.js';
import type { Provider } from '../../domain/provider.js';

interface AccountView {
  readonly subject: string | null;
  readonly label: string | null;
  /** What the provider told once, where its profile keeps something. */
  readonly data?: PlaceValues;
}

/** A connection as callers may see it: no secret, and nothing that opens one. */
export interface ConnectionView {
  readonly connection: Connection;
  readonly providerName: string;
  readonly status: ConnectionStatus;
  readonly reason: PublicReason | null;
  readonly account: AccountView | null;
}

export function toConnectionView(connection: Connection, provider: Provider, now: StatusNow): ConnectionView {
  const { accountSubject: subject, accountLabel: label, accountData } = connection;
  const data = Object.keys(accountData).length === 0 ? {} : { data: accountData };
  return {
    connection,
    providerName: provider.profile.name,
    status: now.status,
    reason: toPublicReason(now.reason),
    account: subject === null && label === null && !('data' in data) ? null : { subject, label, ...data },
  };
}
