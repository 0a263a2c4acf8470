/** Handing a credential over: shared by every verb that does. */
import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { VaultError } from '@nexus/vault/key-provider';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../audit/audit-log.js';
import {
  type AgentSession,
  describeSession,
  describeSessionData,
  grantedScopes,
  widerScopes,
} from '../domain/agent-session.js';
import type { Connection } from '../domain/connection.js';
import { type DisclosedCredential, discloseCredential } from '../domain/credential-payload.js';
import type { Provider } from '../domain/provider.js';
import { isAlive } from '../domain/read-plan.js';
import { type RequestContext, toAuditOrigin } from '../domain/request-context.js';
import { openCredential } from '../grants/credential-custody.js';
import type { RefreshEngine } from '../refresh/refresh-engine.js';
import type { Database } from '../stores/database.js';
import { type ActiveConnection, requireActive } from './active-connection.js';
import type { RecentReads } from './recent-reads.js';

export interface DisclosureDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly refresh: RefreshEngine;
  readonly recentReads: Pick<RecentReads, 'note'>;
}

/** Who reads a credential, and by which operation. */
export interface Reader {
  readonly context: RequestContext;
  readonly route: string;
  /** The session it is read through; null for whoever holds the connection itself. */
  readonly session: AgentSession | null;
}

/**
 * Opens and hands over the connection's own credential; its audit record is durable before this resolves.
 *
 * @throws NexusError `provider_unavailable` for an expired token, `attention_required` where the value fails
 * authentication, `audit_unavailable`.
 */
export async function disclose(
  deps: DisclosureDeps,
  connection: ActiveConnection,
  provider: Provider,
  reader: Reader,
): Promise<DisclosedCredential> {
  if (!isAlive(connection, deps.clock.now())) throw providerUnavailable(expiredMessage, null);
  let payload: DisclosedCredential;
  try {
    payload = discloseCredential(connection, provider.profile, await openCredential(deps.vault, connection));
  } catch (error) {
    if (!(error instanceof VaultError) || error.code !== 'integrity') throw error;
    await enterIntegrityAttention(deps, connection, provider, reader.context);
    const marked = await deps.database.stores.connections.findByRef(connection.connectionRef);
    return disclose(deps, await requireActive(deps.database, marked ?? connection), provider, reader);
  }
  await recordDisclosure(deps, { connection, provider, reader, payload, narrowed: false });
  return payload;
}

interface Disclosure {
  readonly connection: Connection;
  readonly provider: Provider;
  readonly reader: Reader;
  readonly payload: DisclosedCredential;
  /** Whether the token was minted for the session, and can do no more than it. */
  readonly narrowed: boolean;
}

/**
 * Resolves once the record of a disclosure is durable; nothing of it may leave before.
 *
 * @throws NexusError `audit_unavailable`.
 */
export async function recordDisclosure(
  deps: Pick<DisclosureDeps, 'audit' | 'recentReads'>,
  { connection, provider, reader, payload, narrowed }: Disclosure,
): Promise<void> {
  const { session } = reader;
  const wider =
    session === null || narrowed ? [] : widerScopes(grantedScopes(connection, provider.profile), session.scopes);
  await deps.audit.disclose(
    {
      eventType: 'token.retrieved',
      outcome: 'success',
      connectionRef: connection.connectionRef,
      providerName: provider.profile.name,
      workspaceId: connection.workspaceId,
      ...(session === null ? {} : describeSession(session)),
      data: {
        strategy: payload.strategy.type,
        version: connection.version,
        expires_at: payload.expiresAt,
        route: reader.route,
        ...(session === null
          ? {}
          : {
              ...describeSessionData(session),
              narrowed,
              ...(wider.length === 0 ? {} : { wider_scopes: [...wider] }),
            }),
      },
    },
    toAuditOrigin(reader.context),
  );
  deps.recentReads.note(connection.connectionRef);
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
  deps: Pick<DisclosureDeps, 'audit'>,
  connection: Connection,
  reader: Reader,
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
        ...(reader.session === null ? {} : describeSession(reader.session)),
        data: {
          code: error.code,
          route: reader.route,
          ...(reader.session === null ? {} : describeSessionData(reader.session)),
        },
      },
      toAuditOrigin(reader.context),
    );
    throw error;
  }
}

async function enterIntegrityAttention(
  deps: DisclosureDeps,
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
