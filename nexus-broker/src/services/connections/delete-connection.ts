import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { isUlid } from '@nexus/core/ids';
import { VaultError } from '@nexus/vault/key-provider';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../../audit/audit-log.js';
import { getProviderOf } from '../../disclosure/active-connection.js';
import { type FindByIdDeps, getConnectionById } from '../../disclosure/get-connection-by-id.js';
import type { Connection } from '../../domain/connection.js';
import type { OauthCredential } from '../../domain/credential.js';
import { isOauth, type Provider } from '../../domain/provider.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { openCredential } from '../../grants/credential-custody.js';
import { type Revocation, revokeGrant } from '../../grants/revoke-grant.js';
import type { ProviderClient } from '../../oauth/provider-client.js';
import { endSessions } from '../../sessions/end-sessions.js';
import type { EndedTokens } from '../../sessions/ended-tokens.js';

export type DeleteConnectionDeps = FindByIdDeps & {
  readonly audit: AuditLog;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
  readonly endedTokens: EndedTokens;
};

export interface DeleteConnectionInput {
  /** A connection id, or a connection_ref with an operator or admin key. */
  readonly connection: string;
  readonly reason: string | null;
}

export interface DeletedConnection {
  readonly connectionRef: string;
  readonly revokedAt: string;
  readonly alreadyRevoked: boolean;
  readonly providerRevoked: boolean;
  readonly providerRevocationError: string | null;
  readonly sessionsClosed: number;
}

/**
 * Ends a connection: asks the provider to revoke where that is safe for its siblings, then erases the credential here
 * whatever the provider answered. Repeating it changes nothing.
 */
export async function deleteConnection(
  deps: DeleteConnectionDeps,
  input: DeleteConnectionInput,
  context: RequestContext,
): Promise<DeletedConnection> {
  for (let attempt = 1; ; attempt++) {
    const connection = await findDeletable(deps, input.connection, context);
    if (connection.status === 'revoked') return alreadyDeleted(connection);
    try {
      return await endConnection(deps, input, connection, context);
    } catch (error) {
      if (!(error instanceof SupersededError) || attempt === maxAttempts) throw error;
    }
  }
}

/** More often than this no refresh or reconnect stores a newer credential while one deletion asks the provider. */
const maxAttempts = 5;

/** A newer credential than the one just revoked would be erased while it lives on at the provider. */
class SupersededError extends Error {}

async function endConnection(
  deps: DeleteConnectionDeps,
  input: DeleteConnectionInput,
  connection: Connection,
  context: RequestContext,
): Promise<DeletedConnection> {
  const provider = await getProviderOf(deps.database, connection);
  const revocation = await revokeUpstream(deps, connection, provider);
  const at = toInstant(deps.clock.now());
  const sessionsClosed = await deps.database.transaction(async (stores) => {
    if (!(await stores.connections.markRevoked({ connectionRef: connection.connectionRef, at }))) return null;
    const erased = await stores.connections.findByRef(connection.connectionRef);
    if (erased?.version !== connection.version) throw new SupersededError();
    const closed = await endSessions(stores, deps.audit, {
      filter: { connectionRef: connection.connectionRef },
      end: 'connection_revoked',
      origin: toAuditOrigin(context),
    });
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'connection.revoked',
          outcome: 'success',
          connectionRef: connection.connectionRef,
          providerName: provider.profile.name,
          workspaceId: connection.workspaceId,
          data: {
            reason: input.reason,
            provider_revoked: revocation.providerRevoked,
            provider_revocation_error: revocation.error,
            sessions_closed: closed.length,
          },
        },
        toAuditOrigin(context),
      ),
    ]);
    return closed.length;
  });
  if (sessionsClosed === null) {
    const current = await deps.database.stores.connections.findByRef(connection.connectionRef);
    return alreadyDeleted(current ?? connection);
  }
  if (sessionsClosed > 0) deps.endedTokens.discardSoon();
  const outcome =
    revocation.error === 'shared_grant' ? await revokeAsLast(deps, connection, provider, context) : revocation;
  return {
    connectionRef: connection.connectionRef,
    revokedAt: at,
    alreadyRevoked: false,
    providerRevoked: outcome.providerRevoked,
    providerRevocationError: outcome.error,
    sessionsClosed,
  };
}

/** Asks once more after this row is gone: of siblings deleted together, the last one has to end the grant. */
async function revokeAsLast(
  deps: DeleteConnectionDeps,
  connection: Connection,
  provider: Provider,
  context: RequestContext,
): Promise<Revocation> {
  const revocation = await revokeUpstream(deps, connection, provider);
  if (!revocation.providerRevoked) return revocation;
  await deps.audit.disclose(
    {
      eventType: 'connection.revoked',
      outcome: 'success',
      connectionRef: connection.connectionRef,
      providerName: provider.profile.name,
      workspaceId: connection.workspaceId,
      data: { reason: 'last_of_shared_grant', provider_revoked: true },
    },
    toAuditOrigin(context),
  );
  return revocation;
}

/** A connection of another application looks exactly like a missing one. */
async function findDeletable(
  deps: DeleteConnectionDeps,
  connection: string,
  context: RequestContext,
): Promise<Connection> {
  const role = context.principal?.role;
  if (isUlid(connection) && (role === 'operator' || role === 'admin')) {
    const found = await deps.database.stores.connections.findByRef(connection);
    if (found !== null) return found;
    throw new NexusError('connection_not_found', 'No connection has this id.');
  }
  const found = await getConnectionById(deps, connection, context, 'deleteConnection');
  if (role === 'app' && found.requestedBy !== context.principal?.keyId) {
    throw new NexusError('connection_not_found', 'No connection has this id.');
  }
  return found;
}

function alreadyDeleted(connection: Connection): DeletedConnection {
  return {
    connectionRef: connection.connectionRef,
    revokedAt: connection.revokedAt ?? connection.updatedAt,
    alreadyRevoked: true,
    providerRevoked: false,
    providerRevocationError: null,
    sessionsClosed: 0,
  };
}

async function revokeUpstream(
  deps: DeleteConnectionDeps,
  connection: Connection,
  provider: Provider,
): Promise<Revocation> {
  const nothing: Revocation = { providerRevoked: false, error: null };
  const { sealedCredential } = connection;
  if (sealedCredential === null || !isOauth(provider.profile)) return nothing;
  let credential: OauthCredential;
  try {
    credential = openCredential(deps.vault, { ...connection, sealedCredential }) as OauthCredential;
  } catch (error) {
    // A value that no longer opens cannot be revoked, and must not keep its row from being erased.
    if (error instanceof VaultError) return { providerRevoked: false, error: 'integrity' };
    throw error;
  }
  return revokeGrant(deps, {
    provider,
    credential,
    issuedOrigin: connection.issuedOrigin,
    endedRef: connection.connectionRef,
    accountSubject: connection.accountSubject,
  });
}
