import { NexusError } from '@nexus/core/errors';
import type { SealedBlob } from '@nexus/vault/vault';
import { type Connection, currentStatus, toPublicReason } from '../domain/connection.js';
import { placeFor } from '../domain/profile-places.js';
import type { Provider } from '../domain/provider.js';
import type { Database } from '../stores/database.js';

export type ActiveConnection = Connection & { readonly sealedCredential: SealedBlob };

/** @throws NexusError for every status but active, each with its own code. */
export async function requireActive(database: Database, connection: Connection): Promise<ActiveConnection> {
  const { sealedCredential } = connection;
  if (connection.status === 'active' && sealedCredential !== null) return { ...connection, sealedCredential };
  const now = connection.status === 'pending' ? await database.now() : '';
  const { status, reason } = currentStatus(connection, now);
  const publicReason = toPublicReason(reason);
  const explanation = { connectionStatus: status, ...(publicReason === null ? {} : { reason: publicReason }) };
  if (status === 'revoked') {
    throw new NexusError('connection_revoked', 'This connection was deleted; request a new one.', explanation);
  }
  if (status === 'attention') {
    const message = publicReason?.message ?? 'The credential no longer works; reconnect the account.';
    throw new NexusError('attention_required', message, explanation);
  }
  const message =
    status === 'pending'
      ? 'The connection is waiting for the person to finish; poll check-connection.'
      : 'The connection was never completed; request it again or reconnect it.';
  throw new NexusError('connection_not_active', message, explanation);
}

/** The provider as the connection has it, deleted ones included: a forced deletion has revoked what they issued. */
export async function getProviderOf(
  database: Database,
  connection: Pick<Connection, 'providerId' | 'inputs' | 'accountData'>,
): Promise<Provider> {
  const provider = await database.stores.providers.findAnyById(connection.providerId);
  if (provider === null) throw new Error('a connection names a provider that does not exist');
  return placeFor(provider, connection);
}
