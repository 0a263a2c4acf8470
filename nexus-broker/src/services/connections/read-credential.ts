/** Reading a credential out: shared by the verbs that hand one over. */
import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { VaultError } from '@nexus/vault/key-provider';
import type { SealedBlob, Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../../audit/audit-log.js';
import { type Connection, currentStatus, toPublicReason } from '../../domain/connection.js';
import { type DisclosedCredential, discloseCredential } from '../../domain/credential-payload.js';
import type { Provider } from '../../domain/provider.js';
import { isAlive } from '../../domain/read-plan.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { openCredential } from '../../grants/credential-custody.js';
import type { RefreshEngine } from '../../refresh/refresh-engine.js';
import type { Database } from '../../stores/database.js';

export interface ReadCredentialDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly refresh: RefreshEngine;
}

type ActiveConnection = Connection & { readonly sealedCredential: SealedBlob };

/** @throws NexusError for every status but active, each with its own code. */
export async function requireActive(database: Database, connection: Connection): Promise<ActiveConnection> {
  const { sealedCredential } = connection;
  if (connection.status === 'active' && sealedCredential !== null) return { ...connection, sealedCredential };
  const now = connection.status === 'pending' ? await database.now() : '';
  const { status, reason } = currentStatus(connection, now);
  const publicReason = toPublicReason(reason);
  const explanation = { connectionStatus: status, ...(publicReason === null ? {} : { reason: publicReason }) };
  if (status === 'revoked') {
    throw new NexusError('connection_revoked', 'This connection was deleted; request a new one.', explanation);
  }
  if (status === 'attention') {
    const message = publicReason?.message ?? 'The credential no longer works; reconnect the account.';
    throw new NexusError('attention_required', message, explanation);
  }
  const message =
    status === 'pending'
      ? 'The connection is waiting for the person to finish; poll check-connection.'
      : 'The connection was never completed; request it again or reconnect it.';
  throw new NexusError('connection_not_active', message, explanation);
}

/** The connection's provider, deleted ones included: a forced deletion has revoked what they issued. */
export async function getProviderOf(database: Database, connection: Connection): Promise<Provider> {
  const provider = await database.stores.providers.findAnyById(connection.providerId);
  if (provider === null) throw new Error('a connection names a provider that does not exist');
  return provider;
}

/**
 * Opens and hands over the credential; its audit record is durable before this resolves.
 *
 * @throws NexusError `provider_unavailable` for an expired token, `attention_required` where the value fails
 * authentication, `audit_unavailable`.
 */
export async function disclose(
  deps: ReadCredentialDeps,
  connection: ActiveConnection,
  provider: Provider,
  context: RequestContext,
  route: string,
): Promise<DisclosedCredential> {
  if (!isAlive(connection, deps.clock.now())) throw providerUnavailable(expiredMessage, null);
  let payload: DisclosedCredential;
  try {
    payload = discloseCredential(connection, provider.profile, openCredential(deps.vault, connection));
  } catch (error) {
    if (!(error instanceof VaultError) || error.code !== 'integrity') throw error;
    await enterIntegrityAttention(deps, connection, provider, context);
    const marked = await deps.database.stores.connections.findByRef(connection.connectionRef);
    return disclose(deps, await requireActive(deps.database, marked ?? connection), provider, context, route);
  }
  await deps.audit.disclose(
    {
      eventType: 'token.retrieved',
      outcome: 'success',
      connectionRef: connection.connectionRef,
      providerName: provider.profile.name,
      workspaceId: connection.workspaceId,
      data: {
        strategy: payload.strategy.type,
        version: connection.version,
        expires_at: payload.expiresAt,
        route,
      },
    },
    toAuditOrigin(context),
  );
  return payload;
}

export const expiredMessage = 'The token has expired and the provider cannot renew it right now; try again shortly.';

export function providerUnavailable(message: string, retryAfterSeconds: number | null): NexusError {
  return new NexusError(
    'provider_unavailable',
    message,
    retryAfterSeconds === null ? {} : { retryAfter: retryAfterSeconds },
  );
}

/** Records a read that got no credential, with the connection it was about; the error goes on to the caller. */
export async function noteRefusal<T>(
  deps: Pick<ReadCredentialDeps, 'audit'>,
  connection: Connection,
  context: RequestContext,
  route: string,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof NexusError) || error.code === 'audit_unavailable') throw error;
    await deps.audit.note(
      {
        eventType: 'token.retrieval_failed',
        outcome: 'failure',
        connectionRef: connection.connectionRef,
        workspaceId: connection.workspaceId,
        data: { code: error.code, route },
      },
      toAuditOrigin(context),
    );
    throw error;
  }
}

async function enterIntegrityAttention(
  deps: ReadCredentialDeps,
  connection: Connection,
  provider: Provider,
  context: RequestContext,
): Promise<void> {
  await deps.database.transaction(async (stores) => {
    const isMarked = await stores.connections.markAttention({
      connectionRef: connection.connectionRef,
      expectedVersion: connection.version,
      reason: 'integrity',
      at: toInstant(deps.clock.now()),
    });
    if (!isMarked) return;
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'connection.attention',
          outcome: 'failure',
          connectionRef: connection.connectionRef,
          providerName: provider.profile.name,
          workspaceId: connection.workspaceId,
          data: { reason: 'integrity' },
        },
        toAuditOrigin(context),
      ),
    ]);
  });
}
