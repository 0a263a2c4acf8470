import { NexusError } from '@nexus/core/errors';
import { getProviderOf } from '../../disclosure/active-connection.js';
import { currentStatus } from '../../domain/connection.js';
import type { Database } from '../../stores/database.js';
import { type ConnectionView, toConnectionView } from './connection-view.js';

export async function getAnyConnection(
  deps: { readonly database: Database },
  input: { readonly connectionRef: string },
): Promise<ConnectionView> {
  const connection = await deps.database.stores.connections.findByRef(input.connectionRef);
  if (connection === null) throw new NexusError('connection_not_found', 'No connection has this ref.');
  const provider = await getProviderOf(deps.database, connection);
  return toConnectionView(connection, provider, currentStatus(connection, await deps.database.now()));
}
