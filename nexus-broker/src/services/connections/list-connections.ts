import { NexusError } from '@nexus/core/errors';
import { type ConnectionStatus, currentStatus } from '../../domain/connection.js';
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
  /** Selecting by workspace sees only rows that a key started; administration sees all. */
  readonly startedByKey: boolean;
}

export interface ConnectionPage {
  readonly connections: readonly ConnectionView[];
  /** Present where more rows follow. */
  readonly nextCursor: string | null;
}

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
  const rows = await stores.connections.list({
    ...(input.workspaceId === null ? {} : { workspaceId: input.workspaceId }),
    ...(provider === null ? {} : { providerId: provider.providerId }),
    ...(requestedBy === null ? {} : { requestedBy }),
    ...(input.startedByKey ? { startedByKey: true } : {}),
    ...(input.after === null ? {} : { after: input.after }),
    ...(input.limit === null ? {} : { limit: input.limit + 1 }),
  });
  const page = input.limit === null ? rows : rows.slice(0, input.limit);
  const providers = new Map<string, Provider>();
  const now = await deps.database.now();
  const views: ConnectionView[] = [];
  for (const row of page) {
    const status = currentStatus(row, now);
    if (input.status !== null && status.status !== input.status) continue;
    const known = providers.get(row.providerId) ?? (await stores.providers.findAnyById(row.providerId));
    if (known === null) continue;
    providers.set(row.providerId, known);
    views.push(toConnectionView(row, known, status));
  }
  const last = page.at(-1);
  return {
    connections: views,
    nextCursor: rows.length > page.length && last !== undefined ? last.connectionRef : null,
  };
}
