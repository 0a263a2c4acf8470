/** Stores what a provider answered, and tries for a while: a rotated refresh token exists nowhere else until then. */
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { SealedBlob } from '@nexus/vault/vault';
import { refreshDueAt } from '../domain/grant.js';
import { witness } from '../domain/store-witness.js';
import { splitScope } from '../domain/token-set.js';
import { sealCredential } from '../grants/credential-custody.js';
import type { StoreCredentialInput } from '../stores/connection-changes.js';
import type { Stores } from '../stores/database.js';
import { createStepEntry, type RefreshStepDeps, type RefreshStepInput } from './refresh-step.js';
import type { Renewed } from './unsaved-renewals.js';

export const commitAttempts = 6;
/** A commit that takes longer may hang for as long as the process lives. */
const hangMs = 1_000;
const maxEntryIds = 500;

interface RenewalCommit {
  readonly renewed: Renewed;
  readonly attempts: number;
  /** The statuses the connection may be in; `active` where it is left out. */
  readonly from?: StoreCredentialInput['from'];
  /** Runs in the same transaction, once everything else is written in it. */
  readonly beside?: (stores: Stores) => Promise<void>;
}

/**
 * False when the connection was deleted or got a newer credential meanwhile; nothing is stored then.
 *
 * @throws NexusError `audit_unavailable` when it could not be stored; it is kept then, and stored later.
 */
export async function commitRenewal(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  { renewed, attempts, from = ['active'], beside }: RenewalCommit,
): Promise<boolean> {
  const { connection, provider, context } = input;
  const { entryIds } = renewed;
  const version = connection.version + 1;
  const commit = async () => {
    const sealed = sealCredential(deps.vault, connection, renewed.credential, version, connection.issuedOrigin);
    const store = witness('connection', connection.connectionRef, version, sealed);
    const entry = createStepEntry(deps, input, { ...renewed.event, store });
    // The first one and those of the last minutes: an earlier one would have been found by those between.
    if (entryIds.length >= maxEntryIds) entryIds.splice(1, 1);
    entryIds.push(entry.id);
    return deps.database.transaction(async (stores) => {
      const row = { ...describeRow(deps, input, renewed, sealed), from };
      // A commit whose answer got lost may have happened, and then no later one finds the version it replaces.
      if (!(await stores.connections.storeCredential(row))) return entryIds.length > 1 && stores.audit.hasAny(entryIds);
      await stores.audit.insert([entry]);
      await beside?.(stores);
      return true;
    });
  };
  const keep = () => deps.unsaved.keep({ connection, provider, context, renewed });
  const late = setTimeout(() => void keep(), hangMs);
  let isStored: boolean;
  try {
    isStored = await commit().catch(async (cause: unknown) => {
      // Before any other attempt: the process may not live to see it.
      await keep();
      if (attempts <= 1) throw cause;
      return tryRepeatedly(deps, attempts - 1, commit);
    });
  } catch (cause) {
    throw refreshNotRecorded(cause);
  } finally {
    clearTimeout(late);
  }
  deps.unsaved.forget(connection.connectionRef);
  return isStored;
}

export async function tryRepeatedly<T>(
  { sleep }: Pick<RefreshStepDeps, 'sleep'>,
  attempts: number,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= attempts) throw error;
      await sleep(100 * 2 ** attempt);
    }
  }
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

function describeRow(
  deps: Pick<RefreshStepDeps, 'clock'>,
  { connection, provider }: RefreshStepInput,
  renewed: Renewed,
  sealed: SealedBlob,
): Omit<StoreCredentialInput, 'from'> {
  const now = deps.clock.now();
  const { connectionRef, version } = connection;
  const { credential, isRefresh } = renewed;
  const ownToken = isRefresh
    ? {
        grantedScopes: splitScope(credential.scope),
        accountSubject: null,
        accountLabel: null,
        accessExpiresAt: credential.expiresAt,
        refreshAfter: refreshDueAt(credential, now, connectionRef, version + 1, provider.profile.refresh),
      }
    : connection;
  const { grantedScopes, accountSubject, accountLabel, accessExpiresAt, refreshAfter } = ownToken;
  return {
    connectionRef,
    expectedVersion: version,
    sealed,
    grantedScopes,
    accountSubject,
    accountLabel,
    accessExpiresAt,
    refreshAfter,
    hasRefreshToken: true,
    inputs: null,
    accountData: null,
    issuedOrigin: connection.issuedOrigin,
    at: toInstant(now),
    isRefresh,
  };
}
