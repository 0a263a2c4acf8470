import { NexusError } from '@nexus/core/errors';
import { type Connection, currentStatus } from '../../domain/connection.js';
import type { DisclosedCredential } from '../../domain/credential-payload.js';
import type { RequestContext } from '../../domain/request-context.js';
import { type GetTokenDeps, readCredential } from './get-token.js';

export interface ResolveConnectionInput {
  readonly workspaceId: string;
  readonly providerName: string;
  readonly connectionRef: string | null;
  readonly minValiditySeconds: number;
}

/**
 * Hands out the credential of a workspace's connection at a provider. Only rows that a key started count: anybody may
 * start an anonymous connection for any workspace name. An application sees only its own.
 */
export async function resolveConnection(
  deps: GetTokenDeps,
  input: ResolveConnectionInput,
  context: RequestContext,
): Promise<DisclosedCredential> {
  const provider = await deps.database.stores.providers.findByName(input.providerName);
  if (provider === null) throw new NexusError('provider_not_found', 'No provider has this name.');
  const { principal } = context;
  const rows = await deps.database.stores.connections.list({
    workspaceId: input.workspaceId,
    providerId: provider.providerId,
    startedByKey: true,
    ...(principal?.role === 'app' ? { requestedBy: principal.keyId } : {}),
    ...(input.connectionRef === null ? {} : { connectionRef: input.connectionRef }),
  });
  const now = await deps.database.now();
  const chosen = choose(rows.filter((row) => currentStatus(row, now).status !== 'revoked'));
  return readCredential(deps, chosen, input.minValiditySeconds, context, 'resolveConnection');
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
