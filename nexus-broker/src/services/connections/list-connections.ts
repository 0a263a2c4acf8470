import { NexusError } from '@nexus/core/errors';
import { getProviderOf } from '../../disclosure/active-connection.js';
import { type Connection, type ConnectionStatus, currentStatus, type StatusNow } from '../../domain/connection.js';
import type { Provider } from '../../domain/provider.js';
import type { RequestContext } from '../../domain/request-context.js';
import type { Database } from '../../stores/database.js';
import { type ConnectionView, toConnectionView } from './connection-view.js';

export interface ListConnectionsInput {
  readonly workspaceId: string | null;
  readonly providerName: string | null;
  readonly status: ConnectionStatus | null;
  readonly requestedBy: string | null;
  readonly limit: number | null;
  readonly after: string | null;
  /** Selecting by workspace sees only rows that an application or operator started; administration sees all. */
  readonly startedByOwner: boolean;
}

export interface ConnectionPage {
  readonly connections: readonly ConnectionView[];
  /** Present where more rows follow. */
  readonly nextCursor: string | null;
}

const batch = 500;

/** Lists connections; an application sees only its own. */
export async function listConnections(
  deps: { readonly database: Database },
  input: ListConnectionsInput,
  context: RequestContext,
): Promise<ConnectionPage> {
  const { stores } = deps.database;
  const provider = input.providerName === null ? null : await stores.providers.findByName(input.providerName);
  if (input.providerName !== null && provider === null) {
    throw new NexusError('provider_not_found', 'No provider has this name.');
  }
  const isApp = context.principal?.role === 'app';
  const requestedBy = isApp ? context.principal.keyId : input.requestedBy;
  const filter = {
    ...(input.workspaceId === null ? {} : { workspaceId: input.workspaceId }),
    ...(provider === null ? {} : { providerId: provider.providerId }),
    ...(requestedBy === null ? {} : { requestedBy }),
    ...(input.startedByOwner ? { startedByOwner: true as const } : {}),
  };
  const now = await deps.database.now();
  const wanted = input.limit === null ? Number.POSITIVE_INFINITY : input.limit + 1;
  const found: { readonly row: Connection; readonly status: StatusNow }[] = [];
  // The status of a pending row depends on the time, so pages are filled here and not by the statement.
  for (let after = input.after ?? ''; found.length < wanted; ) {
    const rows = await stores.connections.list({ ...filter, after, limit: batch });
    for (const row of rows) {
      const status = currentStatus(row, now);
      if (input.status === null || status.status === input.status) found.push({ row, status });
    }
    const last = rows.at(-1);
    if (rows.length < batch || last === undefined) break;
    after = last.connectionRef;
  }
  const page = input.limit === null ? found : found.slice(0, input.limit);
  const last = page.at(-1);
  return {
    connections: await describeAll(deps.database, page),
    nextCursor: found.length > page.length && last !== undefined ? last.row.connectionRef : null,
  };
}

async function describeAll(
  database: Database,
  page: readonly { readonly row: Connection; readonly status: StatusNow }[],
): Promise<ConnectionView[]> {
  const providers = new Map<string, Provider>();
  const views: ConnectionView[] = [];
  for (const { row, status } of page) {
    const provider = providers.get(row.providerId) ?? (await getProviderOf(database, row));
    providers.set(row.providerId, provider);
    views.push(toConnectionView(row, provider, status));
  }
  return views;
}
