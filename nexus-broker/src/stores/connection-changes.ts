/** Every change is one conditional statement, so of any number of callers at once exactly one wins. */
import { type Instant, toEpochMs, toInstant } from '@nexus/core/clock';
import type { SealedBlob } from '@nexus/vault/vault';
import type { AttentionReason, Connection, ConnectionStatus, FailedReason } from '../domain/connection.js';
import type { PlaceValues } from '../domain/placeholders.js';
import { type DeleteAbandonedInput, deleteAbandoned } from './abandoned-connections.js';
import { encodeFlag, encodeJson, encodeNullableJson } from './codecs.js';
import { recordEvent } from './connection-events.js';
import { noLease, toConnectionRow } from './connection-row.js';
import { hasWon, type StoreContext } from './store-context.js';

export interface StoreCredentialInput {
  readonly connectionRef: string;
  readonly expectedVersion: number;
  readonly sealed: SealedBlob;
  readonly from: readonly ConnectionStatus[];
  readonly grantedScopes: readonly string[] | null;
  readonly accountSubject: string | null;
  readonly accountLabel: string | null;
  readonly accessExpiresAt: number | null;
  readonly refreshAfter: number | null;
  readonly hasRefreshToken: boolean;
  readonly issuedOrigin: string;
  /** Of the flow that brought the credential; null keeps what is stored. */
  readonly inputs: PlaceValues | null;
  readonly accountData: PlaceValues | null;
  readonly at: Instant;
  /** A refresh keeps the account it is given no newer word about. */
  readonly isRefresh: boolean;
}

const touchIntervalMs = 3_600_000;

export function createConnectionChanges(context: StoreContext) {
  const { db, databaseNow } = context;
  return {
    /** Becomes `failed` by itself after `pendingSeconds` of the database's clock. */
    async insert(connection: Connection, pendingSeconds: number): Promise<void> {
      await db
        .insertInto('connection')
        .values({ ...toConnectionRow(connection), pending_until: databaseNow(pendingSeconds) })
        .execute();
    },

    storeCredential: (input: StoreCredentialInput): Promise<boolean> => storeCredential(context, input),
    markAttention: (input: MarkAttentionInput): Promise<boolean> => markAttention(context, input),
    markFailed: (input: MarkFailedInput): Promise<boolean> => markFailed(context, input),
    markRevoked: (input: MarkRevokedInput): Promise<boolean> => markRevoked(context, input),
    rebind: (input: RebindInput): Promise<boolean> => rebind(context, input),
    deleteAbandoned: (input: DeleteAbandonedInput): Promise<number> => deleteAbandoned(context, input),

    /**
     * Whether the connection is active, kept so until the transaction ends: its deletion waits. Written as an update
     * because that is the one lock both databases spell alike.
     */
    async holdActive(connectionRef: string): Promise<boolean> {
      const result = await db
        .updateTable('connection')
        .set((connection) => ({ version: connection.ref('version') }))
        .where('connection_ref', '=', connectionRef)
        .where('status', '=', 'active')
        .executeTakeFirst();
      return hasWon(result);
    },

    /** Gives a pending connection `seconds` from now; `reason` is what it will have failed with after them. */
    async extendPending(input: ExtendPendingInput): Promise<boolean> {
      const result = await db
        .updateTable('connection')
        .set({ pending_until: databaseNow(input.seconds), reason: input.reason })
        .where('connection_ref', '=', input.connectionRef)
        .where('status', '=', 'pending')
        .executeTakeFirst();
      return hasWon(result);
    },

    /** Writes at most hourly for each. */
    async touchRead(connectionRefs: readonly string[], at: Instant): Promise<void> {
      const due = toInstant(toEpochMs(at) - touchIntervalMs);
      await db
        .updateTable('connection')
        .set({ last_read_at: at })
        .where('connection_ref', 'in', connectionRefs)
        .where((connection) =>
          connection.or([connection('last_read_at', 'is', null), connection('last_read_at', '<=', due)]),
        )
        .execute();
    },
  };
}

async function storeCredential(context: StoreContext, input: StoreCredentialInput): Promise<boolean> {
  const keepsAccount = (value: string | null): boolean => input.isRefresh && value === null;
  const isRenewal = input.from.every((status) => status === 'active');
  const before = isRenewal ? 'active' : await holdStatus(context, input);
  const result = await context.db
    .updateTable('connection')
    .set({
      status: 'active',
      reason: null,
      pending_until: null,
      version: input.expectedVersion + 1,
      parent_version: input.expectedVersion,
      sealed_credential: input.sealed,
      granted_scopes: encodeNullableJson(input.grantedScopes),
      access_expires_at: input.accessExpiresAt,
      refresh_after: input.refreshAfter,
      has_refresh_token: encodeFlag(input.hasRefreshToken),
      refresh_fingerprint: null,
      issued_origin: input.issuedOrigin,
      ...noLease,
      fail_count: 0,
      next_attempt_at: null,
      last_ok_at: input.at,
      updated_at: input.at,
      ...(keepsAccount(input.accountSubject) ? {} : { account_subject: input.accountSubject }),
      ...(keepsAccount(input.accountLabel) ? {} : { account_label: input.accountLabel }),
      ...(input.inputs === null ? {} : { inputs: encodeJson(input.inputs) }),
      ...(input.accountData === null ? {} : { account_data: encodeJson(input.accountData) }),
      ...(input.isRefresh ? { last_refresh_at: input.at } : {}),
    })
    .where('connection_ref', '=', input.connectionRef)
    .where('version', '=', input.expectedVersion)
    .where('status', 'in', input.from)
    .executeTakeFirst();
  if (!hasWon(result)) return false;
  // Somebody who connects it anew is told of it even where it never stopped.
  const isConnected = !input.isRefresh && !isRenewal;
  if (isConnected || before !== 'active')
    await recordEvent(context, input.connectionRef, { status: 'active', reason: null, at: input.at });
  return true;
}

/** Held from then on, so that the status told of is the one the connection leaves. */
async function holdStatus(
  { db }: StoreContext,
  { connectionRef }: Pick<StoreCredentialInput, 'connectionRef'>,
): Promise<ConnectionStatus | null> {
  const row = await db
    .updateTable('connection')
    .set((connection) => ({ version: connection.ref('version') }))
    .where('connection_ref', '=', connectionRef)
    .returning('status')
    .executeTakeFirst();
  return row?.status ?? null;
}

interface MarkAttentionInput {
  readonly connectionRef: string;
  readonly expectedVersion: number;
  readonly reason: AttentionReason;
  readonly at: Instant;
}

async function markAttention(context: StoreContext, input: MarkAttentionInput): Promise<boolean> {
  const result = await context.db
    .updateTable('connection')
    .set({
      status: 'attention',
      reason: input.reason,
      updated_at: input.at,
      ...noLease,
      // Whoever mends it need not wait for what came before.
      fail_count: 0,
      next_attempt_at: null,
      last_call_at: null,
    })
    .where('connection_ref', '=', input.connectionRef)
    .where('version', '=', input.expectedVersion)
    .where('status', '=', 'active')
    .executeTakeFirst();
  if (!hasWon(result)) return false;
  await recordEvent(context, input.connectionRef, { status: 'attention', reason: input.reason, at: input.at });
  return true;
}

interface MarkFailedInput {
  readonly connectionRef: string;
  readonly reason: FailedReason;
  readonly at: Instant;
}

async function markFailed(context: StoreContext, input: MarkFailedInput): Promise<boolean> {
  const result = await context.db
    .updateTable('connection')
    .set({ status: 'failed', reason: input.reason, pending_until: null, updated_at: input.at })
    .where('connection_ref', '=', input.connectionRef)
    .where('status', '=', 'pending')
    .executeTakeFirst();
  if (!hasWon(result)) return false;
  await recordEvent(context, input.connectionRef, { status: 'failed', reason: input.reason, at: input.at });
  return true;
}

interface ExtendPendingInput {
  readonly connectionRef: string;
  readonly reason: FailedReason;
  readonly seconds: number;
}

interface MarkRevokedInput {
  readonly connectionRef: string;
  readonly at: Instant;
}

/** Erases the credential and what was learnt with it; the row stays to say that it was revoked. */
async function markRevoked(context: StoreContext, input: MarkRevokedInput): Promise<boolean> {
  const result = await context.db
    .updateTable('connection')
    .set({
      status: 'revoked',
      reason: null,
      pending_until: null,
      sealed_credential: null,
      granted_scopes: null,
      access_expires_at: null,
      refresh_after: null,
      has_refresh_token: 0,
      refresh_fingerprint: null,
      ...noLease,
      next_attempt_at: null,
      updated_at: input.at,
      revoked_at: input.at,
    })
    .where('connection_ref', '=', input.connectionRef)
    .where('status', '<>', 'revoked')
    .executeTakeFirst();
  if (!hasWon(result)) return false;
  await recordEvent(context, input.connectionRef, { status: 'revoked', reason: null, at: input.at });
  return true;
}

interface RebindInput {
  readonly connectionRef: string;
  readonly expectedVersion: number;
  readonly sealed: SealedBlob;
  readonly issuedOrigin: string;
  readonly at: Instant;
}

/** Brings a connection back whose provider moved to another origin, once an admin has agreed to it. */
async function rebind(context: StoreContext, input: RebindInput): Promise<boolean> {
  const { db, databaseNow } = context;
  const before = await holdStatus(context, input);
  const result = await db
    .updateTable('connection')
    .set({
      status: 'active',
      reason: null,
      version: input.expectedVersion + 1,
      parent_version: input.expectedVersion,
      sealed_credential: input.sealed,
      issued_origin: input.issuedOrigin,
      updated_at: input.at,
    })
    .where('connection_ref', '=', input.connectionRef)
    .where('version', '=', input.expectedVersion)
    .where((connection) =>
      connection.or([
        connection('status', '=', 'active'),
        connection.and([connection('status', '=', 'attention'), connection('reason', '=', 'origin_changed')]),
      ]),
    )
    // A refresh under way would lose its rotated token to the new version, as would one that waits to be stored.
    .where('intent_id', 'is', null)
    .where((connection) =>
      connection.or([connection('lease_until', 'is', null), connection('lease_until', '<', databaseNow())]),
    )
    .executeTakeFirst();
  if (!hasWon(result)) return false;
  if (before !== 'attention') return true;
  await recordEvent(context, input.connectionRef, { status: 'active', reason: null, at: input.at });
  return true;
}
