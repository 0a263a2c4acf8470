import { toEpochMs } from '@nexus/core/clock';
import type { Connection } from './connection.js';
import type { OauthCredential } from './credential.js';
import { defaultRefreshPolicy, type RefreshPolicy } from './profile-quirks.js';
import { refreshAfter } from './token-set.js';

type Timing = Pick<
  RefreshPolicy,
  'isSupported' | 'absoluteLifetimeSeconds' | 'earliestSeconds' | 'minAgeSeconds' | 'marginSeconds'
>;

/**
 * Unix milliseconds from which a read starts a refresh; null where no refresh is possible or needed. It is never sooner
 * than the provider accepts one.
 */
export function refreshDueAt(
  credential: OauthCredential,
  issuedMs: number,
  connectionRef: string,
  version: number,
  policy: Timing = defaultRefreshPolicy,
): number | null {
  const { expiresAt } = credential;
  const usual = refreshAfter(issuedMs, expiresAt, connectionRef, version);
  if (usual === null || expiresAt === null || !mayPresent(credential, policy, usual)) return null;
  const { marginSeconds } = policy;
  const expiresMs = expiresAt * 1_000;
  const lifetimeMs = Math.max(0, expiresMs - issuedMs);
  const due = marginSeconds === null ? usual : expiresMs - Math.min(marginSeconds * 1_000, lifetimeMs * maxMarginShare);
  return Math.floor(Math.max(due, acceptedFrom(policy, issuedMs, expiresMs)));
}

/** A margin that was meant for tokens of hours must not take most of the life of one for minutes. */
const maxMarginShare = 0.3;

/** Whether a credential's refresh token can still be of use. */
export function mayPresent(
  { refreshToken, consentedAt }: Pick<OauthCredential, 'refreshToken' | 'consentedAt'>,
  { isSupported, absoluteLifetimeSeconds }: Timing,
  nowMs: number,
): boolean {
  if (refreshToken === null || !isSupported) return false;
  const isBound = consentedAt !== undefined && absoluteLifetimeSeconds !== null;
  return !isBound || nowMs < (consentedAt + absoluteLifetimeSeconds) * 1_000;
}

/**
 * Whether the provider would refuse to refresh a living token now. The age of one that is stored is told from the last
 * change of its connection: it is never younger than that, and may be older.
 */
export function isTooEarly(
  { accessExpiresAt, updatedAt }: Pick<Connection, 'accessExpiresAt' | 'updatedAt'>,
  policy: Timing,
  nowMs: number,
): boolean {
  if (accessExpiresAt === null || nowMs >= accessExpiresAt * 1_000) return false;
  return !policy.isSupported || nowMs < acceptedFrom(policy, toEpochMs(updatedAt), accessExpiresAt * 1_000);
}

function acceptedFrom({ earliestSeconds, minAgeSeconds }: Timing, issuedMs: number, expiresMs: number): number {
  const byEnd = earliestSeconds === null ? Number.NEGATIVE_INFINITY : expiresMs - earliestSeconds * 1_000;
  const byAge = minAgeSeconds === null ? Number.NEGATIVE_INFINITY : issuedMs + minAgeSeconds * 1_000;
  return Math.min(Math.max(byEnd, byAge), expiresMs);
}

/** How the granted scopes differ from the requested ones; `offline_access` asks for a refresh token, not for access. */
export function compareScopes(
  requested: readonly string[],
  granted: readonly string[],
): { readonly excess: string[]; readonly missing: string[] } {
  return {
    excess: granted.filter((scope) => !requested.includes(scope)),
    missing: requested.filter((scope) => !granted.includes(scope) && scope !== 'offline_access'),
  };
}

/** What nobody has read for so long is refreshed when it is read, and not before. */
export const inUseMs = 24 * 3_600_000;
