import { getProviderOf } from '../../disclosure/active-connection.js';
import { type FindByIdDeps, getConnectionById } from '../../disclosure/get-connection-by-id.js';
import { type Connection, currentStatus } from '../../domain/connection.js';
import type { RequestContext } from '../../domain/request-context.js';
import type { ConnectionWatcher } from '../../waiters/connection-watcher.js';
import { type ConnectionView, toConnectionView } from './connection-view.js';

export type CheckConnectionDeps = FindByIdDeps & { readonly watcher: ConnectionWatcher };

export interface CheckConnectionInput {
  readonly connectionId: string;
  readonly waitSeconds: number;
}

/** Tells a connection's status; with `waitSeconds`, as soon as it is no longer pending. Never decrypts or writes. */
export async function checkConnection(
  deps: CheckConnectionDeps,
  input: CheckConnectionInput,
  context: RequestContext,
): Promise<ConnectionView> {
  const connection = await getConnectionById(deps, input.connectionId, context, 'checkConnection');
  const view = await describe(deps, connection);
  if (view.status !== 'pending' || input.waitSeconds === 0) return view;
  await deps.watcher.waitUntilSettled(connection.connectionRef, input.waitSeconds);
  const settled = await deps.database.stores.connections.findByRef(connection.connectionRef);
  return describe(deps, settled ?? connection);
}

async function describe(deps: CheckConnectionDeps, connection: Connection): Promise<ConnectionView> {
  const provider = await getProviderOf(deps.database, connection);
  const now = connection.status === 'pending' ? await deps.database.now() : '';
  return toConnectionView(connection, provider, currentStatus(connection, now));
}
