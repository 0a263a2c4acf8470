/** What a provider's refusal or silence means for the connection that asked. */
import type { ProviderCallFailure } from '../oauth/provider-error.js';
import { enterAttention } from './enter-attention.js';
import type { RefreshOutcome } from './refresh-outcome.js';
import { createStepEntry, type RefreshStepDeps, type RefreshStepInput } from './refresh-step.js';

export async function settleFailure(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  failure: ProviderCallFailure,
): Promise<RefreshOutcome> {
  if (failure.class === 'origin_changed') return enterAttention(deps, input, 'origin_changed');
  if (failure.class === 'final') return concludeRevoked(deps, input, failure);
  return noteFailure(deps, input, failure);
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

/** After a call whose answer was lost: the refresh token may be spent, and a second showing could end the grant. */
export const inDoubtPauseSeconds = 30;
const firstPauseSeconds = 5;
const longestBackoffSeconds = 300;

/** Seconds until a narrowing may ask the provider again: what it asks for itself (R7), and more with every failure. */
export function pauseAfter({ class: failureClass, retryAfterSeconds }: ProviderCallFailure, failures: number): number {
  const backoff = Math.min(firstPauseSeconds * 2 ** failures, longestBackoffSeconds);
  return Math.max(backoff, retryAfterSeconds ?? 0, failureClass === 'in_doubt' ? inDoubtPauseSeconds : 0);
}

/** Ends the lease with nothing changed but the count of failures. */
export async function noteFailure(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  failure: ProviderCallFailure,
): Promise<RefreshOutcome & { readonly kind: 'failed' }> {
  const { connection, owner, failures = 0 } = input;
  await deps.database.transaction(async (stores) => {
    await stores.connections.releaseRefreshLease({
      connectionRef: connection.connectionRef,
      owner,
      nextAttemptInSeconds: pauseAfter(failure, failures),
      failed: true,
    });
    await stores.audit.insert([
      createStepEntry(deps, input, {
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
  return { kind: 'failed', retryAfterSeconds: failure.retryAfterSeconds };
}
