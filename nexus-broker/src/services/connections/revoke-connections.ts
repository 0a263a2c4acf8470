import { NexusError } from '@nexus/core/errors';
import type { Connection } from '../../domain/connection.js';
import type { RequestContext } from '../../domain/request-context.js';
import { type DeleteConnectionDeps, deleteConnection } from './delete-connection.js';

export interface RevokeConnectionsInput {
  readonly providerName: string | null;
  readonly workspaceId: string | null;
  /** RFC 3339. */
  readonly createdBefore: string | null;
  /** Counts only. */
  readonly dryRun: boolean;
}

export interface RevokedConnections {
  readonly matched: number;
  readonly revoked: number;
  /** How many of them the provider ended too. */
  readonly providerRevoked: number;
}

const pageSize = 200;

/**
 * Ends many connections at once, each as its own DELETE would: what an operator needs on the day a provider or an
 * application is compromised. At least one filter is required, so that an empty body ends nothing.
 */
export async function revokeConnections(
  deps: DeleteConnectionDeps,
  input: RevokeConnectionsInput,
  context: RequestContext,
): Promise<RevokedConnections> {
  if (input.providerName === null && input.workspaceId === null && input.createdBefore === null) {
    throw new NexusError(
      'invalid_request',
      'Name a provider, a workspace or an instant; an empty filter ends nothing.',
      {
        details: [{ path: 'provider_name', message: 'one of the filters is required' }],
      },
    );
  }
  const { stores } = deps.database;
  const provider = input.providerName === null ? null : await stores.providers.findByName(input.providerName);
  if (input.providerName !== null && provider === null) {
    throw new NexusError('provider_not_found', 'No provider has this name.');
  }
  const before = input.createdBefore === null ? null : new Date(input.createdBefore).toISOString();
  let counts: RevokedConnections = { matched: 0, revoked: 0, providerRevoked: 0 };
  for (let after = ''; ; ) {
    const page = await stores.connections.list({
      after,
      limit: pageSize,
      ...(provider === null ? {} : { providerId: provider.providerId }),
      ...(input.workspaceId === null ? {} : { workspaceId: input.workspaceId }),
    });
    const matching = page.filter((row) => row.status !== 'revoked' && (before === null || row.createdAt < before));
    counts = await endPage(deps, matching, counts, input.dryRun, context);
    const last = page.at(-1);
    if (page.length < pageSize || last === undefined) return counts;
    after = last.connectionRef;
  }
}

async function endPage(
  deps: DeleteConnectionDeps,
  rows: readonly Connection[],
  counts: RevokedConnections,
  dryRun: boolean,
  context: RequestContext,
): Promise<RevokedConnections> {
  let { revoked, providerRevoked } = counts;
  for (const { connectionRef } of dryRun ? [] : rows) {
    const ended = await deleteConnection(deps, { connection: connectionRef, reason: 'revoked in bulk' }, context);
    if (!ended.alreadyRevoked) revoked += 1;
    if (ended.providerRevoked) providerRevoked += 1;
  }
  return { matched: counts.matched + rows.length, revoked, providerRevoked };
}
