/** What a provider's refusal or silence means for the connection that asked. */
import type { AuditEvent } from '../domain/audit-event.js';
import type { ProviderCallFailure } from '../oauth/provider-error.js';
import type { Stores } from '../stores/database.js';
import type { ReleaseInput } from '../stores/refresh-leases.js';
import { pauseAfter } from './attempt-pace.js';
import { enterAttention } from './enter-attention.js';
import type { RefreshOutcome } from './refresh-outcome.js';
import { type CallStepDeps, type CallStepInput, createStepEntry } from './refresh-step.js';

/** `isLost`: the refresh token was shown and no answer to it came, for the first time in a row. */
export type FailedStep = RefreshOutcome & { readonly kind: 'failed'; readonly isLost?: boolean };

export async function settleFailure(
  deps: CallStepDeps,
  input: CallStepInput,
  failure: ProviderCallFailure,
): Promise<RefreshOutcome | FailedStep> {
  if (failure.class === 'origin_changed') return endOrSupersede(deps, input, 'origin_changed', failure);
  if (failure.class !== 'final') return noteFailure(deps, input, failure);
  // A refused refresh token of which an earlier use was never answered was most likely replaced by that use.
  const isLost = input.attempt.wasInDoubt && input.provider.profile.refresh.rotation !== 'never';
  return endOrSupersede(deps, input, isLost ? 'lost_rotation' : 'grant_revoked', failure);
}

/** A refusal counts only for the version that is still stored: a newer one proves it obsolete (R10). */
async function endOrSupersede(
  deps: CallStepDeps,
  input: CallStepInput,
  reason: 'origin_changed' | 'lost_rotation' | 'grant_revoked',
  failure: ProviderCallFailure,
): Promise<RefreshOutcome> {
  const { upstreamError, upstreamStatus } = failure;
  const words = reason === 'origin_changed' ? {} : { upstream_error: upstreamError, upstream_status: upstreamStatus };
  const ended = await enterAttention(deps, input, reason, words);
  if (ended !== null) return ended;
  await deps.database.transaction((stores) => stores.audit.insert([createStepEntry(deps, input, describe(failure))]));
  const current = await deps.database.stores.connections.findByRef(input.connection.connectionRef);
  return { kind: current?.status === 'active' ? 'still_fresh' : 'attention' };
}

/** The gate's probes of a stopped provider come twice as often, so another connection makes them. */
const refusedPauseSeconds = 120;

/** Ends the lease with nothing changed but what the next call has to know. */
export async function noteFailure(
  deps: CallStepDeps,
  input: CallStepInput,
  failure: ProviderCallFailure,
): Promise<FailedStep> {
  const { attempt, connection, owner } = input;
  const paced = pauseAfter(failure, attempt, deps.random);
  // Others find out whether our client is refused, or this grant only.
  const pause = failure.class === 'configuration' ? Math.max(refusedPauseSeconds, paced ?? 0) : paced;
  const isSilent = failure.class === 'in_doubt' && attempt.showsRefreshToken;
  const isInDoubt = attempt.wasInDoubt || (attempt.showsRefreshToken && mayHaveGranted(failure));
  await deps.database.transaction(async (stores) => {
    const isReleased = await stores.connections.releaseRefreshLease({
      connectionRef: connection.connectionRef,
      owner,
      nextAttemptInSeconds: pause,
      // Our client is refused, and no connection is to blame (R9).
      failures: failure.class === 'configuration' ? 'keep' : 'add',
      intent: isInDoubt ? 'in_doubt' : 'cleared',
    });
    if (isSilent && !isReleased && (await isTakenOver(stores, input))) return;
    const event = isSilent ? describeSilence(failure) : describe(failure);
    await stores.audit.insert([createStepEntry(deps, input, event)]);
  });
  const retryAfterSeconds = pause === null ? failure.retryAfterSeconds : Math.max(1, Math.ceil(pause));
  const isLost = isSilent && !attempt.wasInDoubt;
  return { kind: 'failed', retryAfterSeconds, ...(isLost ? { isLost } : {}) };
}

/** Whoever took the lease over has recorded the doubt already. */
async function isTakenOver(stores: Stores, { connection }: CallStepInput): Promise<boolean> {
  const state = await stores.connections.findAttemptState(connection.connectionRef);
  return state?.status === 'active' && state.version === connection.version;
}

/** Without a word of refusal, an answer of 200 may hide that the refresh token was replaced. */
function mayHaveGranted({ class: failureClass, upstreamError, upstreamStatus }: ProviderCallFailure): boolean {
  if (failureClass === 'in_doubt') return true;
  const isSuccess = upstreamStatus !== null && upstreamStatus >= 200 && upstreamStatus < 300;
  return failureClass === 'transient' && isSuccess && upstreamError === null;
}

/** Gives the lease back with no call to tell of: what is in doubt stays so. */
export function releaseUncalled(
  stores: Stores,
  { attempt, connection, owner }: CallStepInput,
  changes: Partial<Pick<ReleaseInput, 'failures' | 'nextAttemptInSeconds'>> = {},
): Promise<boolean> {
  return stores.connections.releaseRefreshLease({
    connectionRef: connection.connectionRef,
    owner,
    nextAttemptInSeconds: null,
    failures: 'keep',
    intent: attempt.wasInDoubt ? 'in_doubt' : 'cleared',
    ...changes,
  });
}

function describe({ class: failureClass, upstreamError, upstreamStatus }: ProviderCallFailure): AuditEvent {
  return {
    eventType: 'token.refresh_failed',
    outcome: 'failure',
    data: { class: failureClass, upstream_error: upstreamError, upstream_status: upstreamStatus },
  };
}

function describeSilence({ upstreamStatus }: ProviderCallFailure): AuditEvent {
  return {
    eventType: 'token.refresh_in_doubt',
    outcome: 'failure',
    data: { cause: 'no_answer', upstream_status: upstreamStatus },
  };
}
