import { NexusError } from '@nexus/core/errors';
import { type Connection, currentStatus } from '../domain/connection.js';
import type { Database } from '../stores/database.js';

export interface ConnectionSelector {
  readonly workspaceId: string;
  readonly providerName: string;
  /** Chooses among several. */
  readonly connectionRef: string | null;
  /** Only connections this key started; null sees those of every key. */
  readonly requestedBy: string | null;
}

/**
 * The connection of a workspace at a provider. Only rows that an application or operator started count: anybody may start
 * an anonymous connection for any workspace name, and an agent speaks for nobody's workspace.
 *
 * @throws NexusError `provider_not_found`, `connection_not_found`, `connection_ambiguous`.
 */
export async function selectConnection(database: Database, selector: ConnectionSelector): Promise<Connection> {
  const provider = await database.stores.providers.findByName(selector.providerName);
  if (provider === null) throw new NexusError('provider_not_found', 'No provider has this name.');
  const rows = await database.stores.connections.list({
    workspaceId: selector.workspaceId,
    providerId: provider.providerId,
    startedByOwner: true,
    ...(selector.requestedBy === null ? {} : { requestedBy: selector.requestedBy }),
    ...(selector.connectionRef === null ? {} : { connectionRef: selector.connectionRef }),
  });
  const now = await database.now();
  return choose(rows.filter((row) => currentStatus(row, now).status !== 'revoked'));
}

/** Active rows win; without one, a single other row explains itself by its status. */
function choose(rows: readonly Connection[]): Connection {
  const active = rows.filter((row) => row.status === 'active');
  const candidates = active.length > 0 ? active : rows.filter((row) => row.status === 'attention');
  const fallback = candidates.length > 0 ? candidates : rows.slice(-1);
  const [first] = fallback;
  if (first === undefined) throw new NexusError('connection_not_found', 'This workspace has no such connection.');
  if (fallback.length > 1) {
    const refs = fallback.map((row) => row.connectionRef).join(', ');
    throw new NexusError('connection_ambiguous', `Several connections match, choose one by connection_ref: ${refs}.`);
  }
  return first;
}
