/** One refresh under a held lease: open, call, and settle by what the provider answered. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { VaultError } from '@nexus/vault/key-provider';
import type { SealedBlob, Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../audit/audit-log.js';
import type { AuditEvent } from '../domain/audit-event.js';
import type { AttentionReason, Connection } from '../domain/connection.js';
import type { OauthCredential } from '../domain/credential.js';
import { refreshDueAt } from '../domain/grant.js';
import type { Provider } from '../domain/provider.js';
import { type RequestContext, toAuditOrigin } from '../domain/request-context.js';
import { mergeRefreshed, splitScope } from '../domain/token-set.js';
import { openCredential, sealCredential, witness } from '../grants/credential-custody.js';
import { openClientSecrets } from '../grants/provider-secrets.js';
import { type Revocation, revokeGrant } from '../grants/revoke-grant.js';
import type { ProviderClient } from '../oauth/provider-client.js';
import type { ProviderCallFailure } from '../oauth/provider-error.js';
import type { Database } from '../stores/database.js';
import type { RefreshOutcome } from './refresh-outcome.js';
import type { Renewed, UnsavedRenewals } from './unsaved-renewals.js';

export interface RefreshStepDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
  readonly unsaved: UnsavedRenewals;
}

export interface RefreshStepInput {
  readonly connection: Connection;
  readonly provider: Provider;
  readonly context: RequestContext;
  /** Holder of the lease. */
  readonly owner: string;
}

/** A rotated refresh token exists nowhere else until it is committed, so a failing commit is tried again for a while. */
const commitAttempts = 6;

export async function performRefresh(deps: RefreshStepDeps, input: RefreshStepInput): Promise<RefreshOutcome> {
  const { connection, provider } = input;
  const unsaved = deps.unsaved.find(connection);
  if (unsaved !== null) return commitRefresh(deps, input, unsaved, 1);
  let held: OauthCredential;
  try {
    held = openOauthCredential(deps.vault, connection);
  } catch (error) {
    if (!(error instanceof VaultError) || error.code !== 'integrity') throw error;
    return enterAttention(deps, input, 'integrity', {});
  }
  if (held.refreshToken === null) return enterAttention(deps, input, 'expired', {});
  const answer = await deps.providerClient.refreshGrant({
    provider,
    clientSecrets: openClientSecrets(deps.vault, provider),
    refreshToken: held.refreshToken,
    scope: held.scope,
    issuedOrigin: connection.issuedOrigin,
    expectedSubject: connection.accountSubject,
  });
  if (answer.kind === 'failed') return settleFailure(deps, input, answer.failure);
  // RFC 6749, section 6: an answer without a refresh token means to keep using the one at hand.
  const renewed = { merged: mergeRefreshed(held, answer.tokenSet), rotated: answer.isRotated };
  return commitRefresh(deps, input, renewed, commitAttempts);
}

async function settleFailure(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  failure: ProviderCallFailure,
): Promise<RefreshOutcome> {
  if (failure.class === 'origin_changed') return enterAttention(deps, input, 'origin_changed', {});
  if (failure.class === 'final') return concludeRevoked(deps, input, failure);
  await noteFailure(deps, input, failure);
  return { kind: 'failed', retryAfterSeconds: failure.retryAfterSeconds };
}

function openOauthCredential(vault: Vault, connection: Connection): OauthCredential {
  const { sealedCredential } = connection;
  if (sealedCredential === null) throw new Error('an active connection has no credential');
  const credential = openCredential(vault, { ...connection, sealedCredential });
  if (credential.kind !== 'oauth2') throw new Error('a static credential cannot be refreshed');
  return credential;
}

/** @throws NexusError `audit_unavailable` when it could not be stored; it is kept then, and stored later. */
async function commitRefresh(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  renewed: Renewed,
  attempts: number,
): Promise<RefreshOutcome> {
  const { connection } = input;
  const version = connection.version + 1;
  const sealed = sealCredential(deps.vault, connection, renewed.merged, version, connection.issuedOrigin);
  let isStored: boolean;
  try {
    isStored = await persist(deps, input, { ...renewed, sealed }, attempts);
  } catch (cause) {
    deps.unsaved.keep({ ...input, renewed });
    throw refreshNotRecorded(cause);
  }
  deps.unsaved.forget(connection.connectionRef);
  if (isStored) return { kind: 'refreshed' };
  const current = await deps.database.stores.connections.findByRef(connection.connectionRef);
  if (current === null || current.status === 'revoked') {
    await discardGrant(deps, input, renewed.merged);
    return { kind: 'attention' };
  }
  // A reconnect stored a newer credential meanwhile; what is stored wins.
  return { kind: 'still_fresh' };
}

export function refreshNotRecorded(cause: unknown): NexusError {
  return new NexusError(
    'audit_unavailable',
    'The refresh cannot be recorded, so nothing is disclosed; try again shortly.',
    {
      cause,
    },
  );
}

interface SealedRenewal extends Renewed {
  readonly sealed: SealedBlob;
}

async function persist(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  renewed: SealedRenewal,
  attempts: number,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await storeRefreshed(deps, input, renewed);
    } catch (error) {
      if (attempt >= attempts) throw error;
      await sleep(100 * 2 ** attempt);
    }
  }
}

async function storeRefreshed(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  { merged, sealed, rotated }: SealedRenewal,
): Promise<boolean> {
  const { connection } = input;
  const now = deps.clock.now();
  const version = connection.version + 1;
  const scopes = splitScope(merged.scope);
  return deps.database.transaction(async (stores) => {
    const isStored = await stores.connections.storeCredential({
      connectionRef: connection.connectionRef,
      expectedVersion: connection.version,
      sealed,
      from: ['active'],
      grantedScopes: scopes,
      accountSubject: null,
      accountLabel: null,
      accessExpiresAt: merged.expiresAt,
      refreshAfter: refreshDueAt(merged, now, connection.connectionRef, version),
      hasRefreshToken: true,
      issuedOrigin: connection.issuedOrigin,
      at: toInstant(now),
      isRefresh: true,
    });
    if (!isStored) return false;
    await stores.audit.insert([
      entryOf(deps, input, {
        eventType: 'token.refreshed',
        outcome: 'success',
        data: { version, expires_at: merged.expiresAt, rotated, scopes: [...scopes] },
        store: witness(connection.connectionRef, version, sealed),
      }),
    ]);
    return true;
  });
}

/** The connection was deleted while the provider answered: its new token must not outlive it. */
export async function discardGrant(
  deps: Omit<RefreshStepDeps, 'unsaved'>,
  input: Pick<RefreshStepInput, 'connection' | 'provider'>,
  credential: OauthCredential,
): Promise<Revocation> {
  const { connection, provider } = input;
  return revokeGrant(deps, {
    provider,
    credential,
    issuedOrigin: connection.issuedOrigin,
    endedRef: connection.connectionRef,
    accountSubject: connection.accountSubject,
  });
}

/** A refusal counts only for the version that is still stored: a newer one proves it obsolete. */
async function concludeRevoked(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  failure: ProviderCallFailure,
): Promise<RefreshOutcome> {
  const current = await deps.database.stores.connections.findByRef(input.connection.connectionRef);
  if (current !== null && current.version > input.connection.version) return { kind: 'still_fresh' };
  return enterAttention(deps, input, 'grant_revoked', {
    upstream_error: failure.upstreamError,
    upstream_status: failure.upstreamStatus,
  });
}

async function enterAttention(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  reason: AttentionReason,
  data: { upstream_error?: string | null; upstream_status?: number | null },
): Promise<RefreshOutcome> {
  const { connection, owner } = input;
  await deps.database.transaction(async (stores) => {
    const isMarked = await stores.connections.markAttention({
      connectionRef: connection.connectionRef,
      expectedVersion: connection.version,
      reason,
      at: toInstant(deps.clock.now()),
    });
    await stores.connections.releaseRefreshLease({
      connectionRef: connection.connectionRef,
      owner,
      nextAttemptInSeconds: null,
      failed: true,
    });
    if (!isMarked) return;
    await stores.audit.insert([
      entryOf(deps, input, { eventType: 'connection.attention', outcome: 'failure', data: { reason, ...data } }),
    ]);
  });
  return { kind: 'attention' };
}

async function noteFailure(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  failure: ProviderCallFailure,
): Promise<void> {
  const { connection, owner } = input;
  await deps.database.transaction(async (stores) => {
    await stores.connections.releaseRefreshLease({
      connectionRef: connection.connectionRef,
      owner,
      nextAttemptInSeconds: failure.retryAfterSeconds,
      failed: true,
    });
    await stores.audit.insert([
      entryOf(deps, input, {
        eventType: 'token.refresh_failed',
        outcome: 'failure',
        data: {
          class: failure.class,
          upstream_error: failure.upstreamError,
          upstream_status: failure.upstreamStatus,
        },
      }),
    ]);
  });
}

function entryOf(deps: RefreshStepDeps, input: RefreshStepInput, event: AuditEvent) {
  return deps.audit.entry(
    {
      ...event,
      connectionRef: input.connection.connectionRef,
      providerName: input.provider.profile.name,
      workspaceId: input.connection.workspaceId,
    },
    toAuditOrigin(input.context),
  );
}
