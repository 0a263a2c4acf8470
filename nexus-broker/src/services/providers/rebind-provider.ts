import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../../audit/audit-log.js';
import type { Connection } from '../../domain/connection.js';
import { placeFor } from '../../domain/profile-places.js';
import { isOauth, type Provider } from '../../domain/provider.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { witness } from '../../domain/store-witness.js';
import { openCredential, sealCredential } from '../../grants/credential-custody.js';
import type { ProviderClient } from '../../oauth/provider-client.js';
import type { Database } from '../../stores/database.js';
import { getProvider } from './get-provider.js';

export interface RebindProviderDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
}

export interface RebindProviderInput {
  readonly providerId: string;
  readonly fromOrigin: string;
  readonly toOrigin: string;
}

/**
 * Lets credentials that one origin issued be used at the origin the profile names now: an admin's audited decision,
 * since whoever serves the new token endpoint receives the refresh tokens.
 */
export async function rebindProvider(
  deps: RebindProviderDeps,
  input: RebindProviderInput,
  context: RequestContext,
): Promise<{ readonly providerId: string; readonly connections: number; readonly reactivated: number }> {
  const provider = await getProvider(deps, input);
  if (!isOauth(provider.profile)) throw new NexusError('invalid_request', 'Static credentials belong to no origin.');
  const rows = await deps.database.stores.connections.listByIssuedOrigin(provider.providerId, input.fromOrigin);
  const bindings = await listBindings(deps, provider, rows);
  // Where a value of each connection is part of the origin, the profile names one for each.
  const named = bindings.length > 0 ? bindings : [{ origins: await deps.providerClient.trustedOrigins(provider) }];
  if (!named.some(({ origins }) => origins[0] === input.toOrigin)) {
    throw new NexusError('invalid_request', "to_origin must be the origin of the profile's token endpoint.", {
      details: [{ path: 'to_origin', message: 'is not the origin the profile names' }],
    });
  }
  let connections = 0;
  let reactivated = 0;
  for (const { row, origins } of bindings.filter((binding) => binding.origins[0] === input.toOrigin)) {
    if (!(await rebindOne(deps, input, { provider, row, origins }, context))) continue;
    connections += 1;
    if (row.status === 'attention') reactivated += 1;
  }
  await recordDecision(deps, input, provider, connections, context);
  return { providerId: provider.providerId, connections, reactivated };
}

/** The decision itself is on record, also where no connection was concerned. */
async function recordDecision(
  deps: RebindProviderDeps,
  input: RebindProviderInput,
  provider: Provider,
  connections: number,
  context: RequestContext,
): Promise<void> {
  const entry = deps.audit.entry(
    {
      eventType: 'provider.rebound',
      outcome: 'success',
      providerName: provider.profile.name,
      resourceId: provider.providerId,
      data: {
        provider_id: provider.providerId,
        from_origin: input.fromOrigin,
        to_origin: input.toOrigin,
        connections,
      },
    },
    toAuditOrigin(context),
  );
  await deps.database.transaction((stores) => stores.audit.insert([entry]));
}

interface Binding {
  readonly row: Connection;
  /** What its credential may be sent to from now on, the token endpoint's origin first. */
  readonly origins: readonly string[];
}

async function listBindings(
  { providerClient }: RebindProviderDeps,
  provider: Provider,
  rows: readonly Connection[],
): Promise<Binding[]> {
  const bindings: Binding[] = [];
  for (const row of rows) {
    bindings.push({ row, origins: await providerClient.trustedOrigins(placeFor(provider, row)) });
  }
  return bindings;
}

async function rebindOne(
  deps: RebindProviderDeps,
  input: RebindProviderInput,
  { provider, row, origins }: Binding & { readonly provider: Provider },
  context: RequestContext,
): Promise<boolean> {
  const { sealedCredential } = row;
  if (sealedCredential === null) return false;
  if (row.status === 'attention' && row.reason !== 'origin_changed') return false;
  const credential = await openCredential(deps.vault, { ...row, sealedCredential });
  const bound = credential.kind === 'oauth2' ? { ...credential, origins } : credential;
  const sealed = sealCredential(deps.vault, row, bound, row.version + 1, input.toOrigin);
  return deps.database.transaction(async (stores) => {
    const isBound = await stores.connections.rebind({
      connectionRef: row.connectionRef,
      expectedVersion: row.version,
      sealed,
      issuedOrigin: input.toOrigin,
      at: toInstant(deps.clock.now()),
    });
    if (!isBound) return false;
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'provider.rebound',
          outcome: 'success',
          connectionRef: row.connectionRef,
          providerName: provider.profile.name,
          workspaceId: row.workspaceId,
          resourceId: provider.providerId,
          data: { provider_id: provider.providerId, from_origin: input.fromOrigin, to_origin: input.toOrigin },
          store: witness('connection', row.connectionRef, row.version + 1, sealed),
        },
        toAuditOrigin(context),
      ),
    ]);
    return true;
  });
}
