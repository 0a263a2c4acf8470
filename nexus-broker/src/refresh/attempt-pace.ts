/** When a connection's refresh token may be shown to the provider again. */
import type { RefreshPolicy } from '../domain/profile-quirks.js';
import type { ProviderCallFailure } from '../oauth/provider-error.js';
import type { AttemptState } from '../stores/refresh-leases.js';

/** Longer than any provider call may take, so that a living holder never loses its lease. */
export const leaseSeconds = 30;
/** How long a provider call may take in all. */
export const callTimeoutMs = 10_000;
/** With less of its lease left a call is not begun: it would have to end while another holder begins the next one. */
export const minLeaseLeftMs = 15_000;

const callIntervalMs = 30_000;
/** A strict provider may end the access token with the grant, so a token with this much life is not put at risk. */
const lifeNotToRiskMs = 60_000;
const longestBackoffSeconds = 300;
const longestWaitSeconds = 900;

export type Pace =
  /** A call was made too shortly before for another one while the token lives. */
  | { readonly kind: 'recent' }
  /** Another call could end the grant, and the token at hand still lives. */
  | { readonly kind: 'spared'; readonly retryAfterSeconds: number }
  | { readonly kind: 'backoff'; readonly retryAfterSeconds: number };

/** Why the connection has to wait for its next call; null when it may come now. */
export function paceOf(
  state: AttemptState,
  policy: Pick<RefreshPolicy, 'rotation' | 'graceSeconds'>,
  isRefresh: boolean,
): Pace | null {
  if (state.intentId !== null) {
    const lifeMs = state.tokenLifeMs ?? Number.POSITIVE_INFINITY;
    if (lifeMs >= lifeNotToRiskMs && endsGrantOnReuse(state, policy)) {
      const spareSeconds = Math.ceil((lifeMs - lifeNotToRiskMs) / 1_000);
      return { kind: 'spared', retryAfterSeconds: Math.min(Math.max(1, spareSeconds), longestWaitSeconds) };
    }
    // The one try that may still find the lost answer comes at once.
    if (!state.wasToldToWait) return null;
  }
  const isAlive = state.tokenLifeMs === null || state.tokenLifeMs > 0;
  const isRecent = state.callAgeMs !== null && state.callAgeMs < callIntervalMs;
  if (isRefresh && isAlive && isRecent) return { kind: 'recent' };
  return state.waitSeconds > 0 ? { kind: 'backoff', retryAfterSeconds: state.waitSeconds } : null;
}

function endsGrantOnReuse(
  { intentAgeMs }: AttemptState,
  { rotation, graceSeconds }: Pick<RefreshPolicy, 'rotation' | 'graceSeconds'>,
): boolean {
  // A clock that was set back makes an age negative, and never a grace of none into one.
  return rotation === 'strict' && Math.max(0, intentAgeMs ?? 0) >= (graceSeconds ?? 0) * 1_000;
}

/** Seconds until the next call, `failures` failed ones in a row before this one; `random` is uniform in [0, 1). */
export function backoffSeconds(failures: number, random: () => number): number {
  return random() * Math.min(2 ** failures, longestBackoffSeconds);
}

/**
 * Seconds until the next call after one that failed (R7): what the provider asks for, and a backoff that spreads those
 * who failed together. Null where the next one need not wait.
 */
export function pauseAfter(
  { class: failureClass, retryAfterSeconds }: ProviderCallFailure,
  attempt: { readonly failures: number; readonly wasInDoubt: boolean; readonly showsRefreshToken: boolean },
  random: () => number,
): number | null {
  if (failureClass === 'in_doubt' && attempt.showsRefreshToken && !attempt.wasInDoubt) return null;
  return Math.max(backoffSeconds(attempt.failures, random), retryAfterSeconds ?? 0);
}
