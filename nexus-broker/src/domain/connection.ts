import type { JsonValue } from '@nexus/core/canonical-json';
import type { Instant } from '@nexus/core/clock';
import type { PublicReason } from '@nexus/core/errors';
import type { SealedBlob } from '@nexus/vault/vault';
import type { PlaceValues } from './placeholders.js';

export const connectionStatuses = ['pending', 'active', 'attention', 'failed', 'revoked'] as const;
export type ConnectionStatus = (typeof connectionStatuses)[number];

export type AttentionReason = 'grant_revoked' | 'lost_rotation' | 'expired' | 'integrity' | 'origin_changed';
export type FailedReason =
  | 'access_denied'
  | 'exchange_failed'
  | 'verification_failed'
  | 'expired'
  | 'not_completed'
  | 'binding_failed'
  | 'account_mismatch'
  | 'capture_refused';

/** One end-user grant or stored credential at one provider. */
export interface Connection {
  /** The row's id, a ULID; it opens nothing. */
  readonly connectionRef: string;
  /** SHA-256 of the connection id, hex. */
  readonly idHash: string;
  readonly workspaceId: string;
  readonly providerId: string;
  /** As stored; `currentStatus` tells what it means now. */
  readonly status: ConnectionStatus;
  /** Why it is in attention or failed; on a pending row, why it will have failed once `pendingUntil` passes. */
  readonly reason: AttentionReason | FailedReason | null;
  /** When a pending connection counts as failed, by the database's clock; null once it has left `pending`. */
  readonly pendingUntil: Instant | null;
  /** Counts every stored credential; the compare-and-set column. 0 before the first. */
  readonly version: number;
  readonly sealedCredential: SealedBlob | null;
  readonly requestedScopes: readonly string[];
  readonly grantedScopes: readonly string[] | null;
  readonly accountSubject: string | null;
  readonly accountLabel: string | null;
  /** What the caller gave for the placeholders of the provider's URLs. */
  readonly inputs: PlaceValues;
  /** What the provider told once, by the names its profile gives it. */
  readonly accountData: PlaceValues;
  readonly metadata: JsonValue;
  /** The key that started it, or null for an anonymous caller. */
  readonly requestedBy: string | null;
  /** Unix seconds; null where the credential does not expire. */
  readonly accessExpiresAt: number | null;
  /** Unix milliseconds from which a read starts a refresh; null where there is nothing to refresh. */
  readonly refreshAfter: number | null;
  readonly hasRefreshToken: boolean;
  /** Origin of the token endpoint that issued the credential; `''` for static credentials. */
  readonly issuedOrigin: string;
  readonly lastRefreshAt: Instant | null;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  readonly revokedAt: Instant | null;
}

export interface StatusNow {
  readonly status: ConnectionStatus;
  readonly reason: AttentionReason | FailedReason | null;
}

/** A pending connection whose first flow has run out counts as failed without a write. */
export function currentStatus(
  connection: Pick<Connection, 'status' | 'reason' | 'pendingUntil'>,
  databaseNow: Instant,
): StatusNow {
  if (connection.status !== 'pending') {
    const explains = connection.status === 'attention' || connection.status === 'failed';
    return { status: connection.status, reason: explains ? connection.reason : null };
  }
  if (connection.pendingUntil !== null && connection.pendingUntil <= databaseNow) {
    return { status: 'failed', reason: connection.reason ?? 'expired' };
  }
  return { status: 'pending', reason: null };
}

const moves: Record<ConnectionStatus, readonly ConnectionStatus[]> = {
  pending: ['active', 'failed', 'revoked'],
  active: ['active', 'attention', 'revoked'],
  attention: ['active', 'revoked'],
  failed: ['active', 'revoked'],
  revoked: [],
};

/** The states a connection may be in to enter `to`; conditional updates name them. */
export function statusesBefore(to: ConnectionStatus): readonly ConnectionStatus[] {
  return connectionStatuses.filter((from) => moves[from].includes(to));
}

const reasonMessages: Record<AttentionReason | FailedReason, string> = {
  grant_revoked: 'The provider says the grant was revoked; reconnect the account.',
  lost_rotation: 'A rotated refresh token was lost in a crash; reconnect the account.',
  expired: 'The time ran out; connect the account again.',
  integrity: 'The stored credential fails authentication; reconnect the account and inform the operator.',
  origin_changed: 'The provider profile moved to another origin; reconnect, or have an admin rebind it.',
  access_denied: 'The person or the provider refused access.',
  exchange_failed: 'The provider did not exchange the authorization code.',
  verification_failed: 'The answer of the provider failed verification.',
  not_completed: 'The application did not complete the flow in time.',
  binding_failed: 'The flow was answered from another browser than the one that began it.',
  account_mismatch: 'Another account was connected than the one expected.',
  capture_refused: 'The submitted credentials were refused too often.',
};

export function toPublicReason(reason: AttentionReason | FailedReason | null): PublicReason | null {
  return reason === null ? null : { code: reason, message: reasonMessages[reason] };
}

type OwnToken = Pick<Connection, 'accessExpiresAt' | 'refreshAfter' | 'lastRefreshAt'>;

/** Whether a connection still holds the access token it held before: a narrowing stores a version without a new one. */
export function hasSameToken(before: OwnToken, after: OwnToken): boolean {
  return (
    before.accessExpiresAt === after.accessExpiresAt &&
    before.refreshAfter === after.refreshAfter &&
    before.lastRefreshAt === after.lastRefreshAt
  );
}
