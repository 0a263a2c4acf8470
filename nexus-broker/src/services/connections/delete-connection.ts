import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Instant } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { createUlid, isUlid } from '@nexus/core/ids';
import { VaultError } from '@nexus/vault/key-provider';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../../audit/audit-log.js';
import { getProviderOf } from '../../disclosure/active-connection.js';
import { type FindByIdDeps, getConnectionById } from '../../disclosure/get-connection-by-id.js';
import type { AuditOrigin } from '../../domain/audit-event.js';
import type { Connection } from '../../domain/connection.js';
import type { OauthCredential } from '../../domain/credential.js';
import { isOauth, type Provider } from '../../domain/provider.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { witness } from '../../domain/store-witness.js';
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
    const found = await findDeletable(deps, input.connection, context);
    if (found.status === 'revoked') return alreadyDeleted(found);
    const connection = attempt === 1 ? found : await holdStill(deps, found);
    const deletion = { connection, reason: input.reason, isLast: attempt === maxAttempts };
    const deleted = await endConnection(deps, deletion, context);
    if (deleted !== 'superseded') return deleted;
  }
}

/** Whoever stores newer credentials for ever must not keep a connection from being deleted. */
const maxAttempts = 3;
/** As long as a refresh holds it: revoking takes no longer, and whoever waits gets it back should this process die. */
const leaseSeconds = 30;
const leasePolls = 20;
const pollMs = 100;

/**
 * Takes the lease of refreshes, so that no Broker has tokens issued that the next attempt would miss. It is a courtesy
 * of those who take leases: a deletion goes on without it where it is not to be had soon.
 */
async function holdStill({ database, clock }: DeleteConnectionDeps, found: Connection): Promise<Connection> {
  const { connectionRef } = found;
  const owner = createUlid(clock.now());
  let connection = found;
  for (let poll = 0; poll < leasePolls && connection.status === 'active'; poll++) {
    const claim = { connectionRef, expectedVersion: connection.version, owner, leaseSeconds, intent: null };
    if (await database.transaction((stores) => stores.connections.claimRefreshLease(claim))) break;
    await sleep(pollMs);
    connection = (await database.stores.connections.findByRef(connectionRef)) ?? connection;
  }
  return connection;
}

interface Deletion {
  readonly connection: Connection;
  readonly reason: string | null;
  /** Erases whatever is stored by then; else a credential is erased only once the provider was asked about it. */
  readonly isLast: boolean;
}

async function endConnection(
  deps: DeleteConnectionDeps,
  deletion: Deletion,
  context: RequestContext,
): Promise<DeletedConnection | 'superseded'> {
  const { connection } = deletion;
  const { connectionRef } = connection;
  const provider = await getProviderOf(deps.database, connection);
  const asked = await revokeUpstream(deps, connection, provider);
  const at = toInstant(deps.clock.now());
  const erased = await erase(deps, { ...deletion, provider, asked, at, origin: toAuditOrigin(context) });
  if (erased === 'superseded') return erased;
  if (erased === null) {
    return alreadyDeleted((await deps.database.stores.connections.findByRef(connectionRef)) ?? connection);
  }
  const { sessionsClosed, held } = erased;
  if (sessionsClosed > 0) deps.endedTokens.discardSoon();
  let outcome = asked;
  if (held.version !== connection.version) {
    outcome = await revokeAfterwards(deps, held, provider, 'newer_credential', context);
  } else if (asked.error === 'shared_grant') {
    // Of siblings deleted together, the last one has to end the grant.
    outcome = await revokeAfterwards(deps, held, provider, 'last_of_shared_grant', context);
  }
  return {
    connectionRef,
    revokedAt: at,
    alreadyRevoked: false,
    providerRevoked: outcome.providerRevoked,
    providerRevocationError: outcome.error,
    sessionsClosed,
  };
}

interface Erasure extends Deletion {
  readonly provider: Provider;
  /** What came of asking the provider about the credential that was seen. */
  readonly asked: Revocation;
  readonly at: Instant;
  readonly origin: AuditOrigin;
}

interface Erased {
  /** The row as it was just before. */
  readonly held: Connection;
  readonly sessionsClosed: number;
}

/** Null when somebody else has erased it; `superseded` when it holds a credential that nobody has asked about yet. */
async function erase(
  deps: DeleteConnectionDeps,
  { connection, reason, isLast, provider, asked, at, origin }: Erasure,
): Promise<Erased | 'superseded' | null> {
  const { connectionRef, workspaceId } = connection;
  return deps.database.transaction(async (stores) => {
    await stores.connections.holdRow(connectionRef);
    const held = await stores.connections.findByRef(connectionRef);
    if (held === null || held.status === 'revoked') return null;
    if (held.version !== connection.version && !isLast) return 'superseded';
    await stores.connections.markRevoked({ connectionRef, at });
    const end = 'connection_revoked';
    const closed = await endSessions(stores, deps.audit, { filter: { connectionRef }, end, origin });
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'connection.revoked',
          outcome: 'success',
          connectionRef,
          providerName: provider.profile.name,
          workspaceId,
          data: {
            reason,
            provider_revoked: asked.providerRevoked,
            provider_revocation_error: asked.error,
            sessions_closed: closed.length,
          },
          store: witness('connection', connectionRef, held.version, null),
        },
        origin,
      ),
    ]);
    return { held, sessionsClosed: closed.length };
  });
}

/** Asks once more after the row is erased, and records what came of it where that says more than the first entry. */
async function revokeAfterwards(
  deps: DeleteConnectionDeps,
  held: Connection,
  provider: Provider,
  reason: 'newer_credential' | 'last_of_shared_grant',
  context: RequestContext,
): Promise<Revocation> {
  const revocation = await revokeUpstream(deps, held, provider);
  if (!revocation.providerRevoked && reason === 'last_of_shared_grant') return revocation;
  await deps.audit.disclose(
    {
      eventType: 'connection.revoked',
      outcome: 'success',
      connectionRef: held.connectionRef,
      providerName: provider.profile.name,
      workspaceId: held.workspaceId,
      data: {
        reason,
        provider_revoked: revocation.providerRevoked,
        ...(revocation.error === null ? {} : { provider_revocation_error: revocation.error }),
      },
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
  const nothing: Revocation = { providerRevoked: false, error: null, mayPass: false };
  const { sealedCredential } = connection;
  if (sealedCredential === null || !isOauth(provider.profile)) return nothing;
  let credential: OauthCredential;
  try {
    credential = (await openCredential(deps.vault, { ...connection, sealedCredential })) as OauthCredential;
  } catch (error) {
    // A value that no longer opens cannot be revoked, and must not keep its row from being erased.
    if (error instanceof VaultError && error.code === 'integrity') return { ...nothing, error: 'integrity' };
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
