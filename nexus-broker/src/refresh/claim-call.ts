/** Lease and intent for one call, in one short transaction, once the pace and the provider's gate allow it. */
import { createUlid } from '@nexus/core/ids';
import type { AttemptState } from '../stores/refresh-leases.js';
import { backoffSeconds, leaseSeconds, minLeaseLeftMs, type Pace, paceOf } from './attempt-pace.js';
import { CallAttempt } from './call-attempt.js';
import { type Admitted, type CallGate, openGate } from './call-gate.js';
import { refreshNotRecorded } from './commit-renewal.js';
import type { RecentAnswers } from './pacing/recent-answers.js';
import { type CallStepDeps, createStepEntry, type RefreshStepDeps, type RefreshStepInput } from './refresh-step.js';

export interface CallDeps extends CallStepDeps {
  readonly gate: CallGate;
  /** Milliseconds that only ever go on, whatever happens to the clock. */
  readonly monotonicMs: () => number;
  /** How long a provider call may take. */
  readonly callTimeoutMs: number;
  readonly answers: RecentAnswers;
}

export interface CallRequestInput extends RefreshStepInput {
  /**
   * refresh and narrowing show the refresh token, exchange does not · check: there is no refresh token, or the profile has
   * moved, so that nothing will be sent
   */
  readonly purpose: 'refresh' | 'narrowing' | 'exchange' | 'check';
  /** How long to wait for the provider's turn, in ms. */
  readonly patienceMs: number;
}

export type CallClaim =
  | { readonly kind: 'claimed'; readonly attempt: CallAttempt }
  /** Somebody else has the lease, or the connection is not as it was seen. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'refused'; readonly retryAfterSeconds: number }
  | Pace;

/** @throws NexusError `audit_unavailable`. */
export async function claimCall(deps: CallDeps, input: CallRequestInput): Promise<CallClaim> {
  try {
    // Asked before the gate, so that nobody who has to wait anyway takes another one's turn.
    const state = await findState(deps.database.stores, input);
    const before = judge(input, state);
    if (before?.kind === 'spared' && state !== null) await putOff(deps, input, state, before.retryAfterSeconds);
    if (before !== null) return before;
    if (state !== null && mayBeStoredSoon(deps, state)) return { kind: 'busy' };
    const admitted = await enterGate(deps, input);
    if (admitted.kind === 'refused') return admitted;
    const claim = await claimAdmitted(deps, input, admitted).catch(async (error: unknown) => {
      await admitted.settle('no_call');
      throw error;
    });
    if (claim.kind !== 'claimed') await admitted.settle('no_call');
    return claim;
  } catch (cause) {
    throw refreshNotRecorded(cause);
  }
}

/**
 * Right after an outage of the database, a holder whose lease ran out meanwhile may be alive, with a renewal that it is
 * about to store.
 */
function mayBeStoredSoon({ database }: CallDeps, { intentId, isDoubtRecorded }: AttemptState): boolean {
  return intentId !== null && !isDoubtRecorded && database.hadOutage();
}

function findState(
  { connections }: RefreshStepDeps['database']['stores'],
  { connection }: RefreshStepInput,
): Promise<AttemptState | null> {
  return connections.findAttemptState(connection.connectionRef);
}

function judge(
  { connection, provider, purpose }: CallRequestInput,
  state: AttemptState | null,
): Exclude<CallClaim, { kind: 'claimed' }> | null {
  if (state === null || state.status !== 'active' || state.version !== connection.version) return { kind: 'busy' };
  if (state.isHeld) return { kind: 'busy' };
  if (purpose === 'check') return null;
  const { rotation, graceSeconds } = provider.profile.refresh;
  const policy = { rotation: purpose === 'exchange' ? null : rotation, graceSeconds };
  return paceOf(state, policy, purpose === 'refresh');
}

/** What is spared for its token's sake is not due either. */
async function putOff(
  { database }: CallDeps,
  { connection }: RefreshStepInput,
  state: AttemptState,
  seconds: number,
): Promise<void> {
  if (state.waitSeconds > 0) return;
  const { intentId, leaseEpoch } = state;
  const { connectionRef } = connection;
  await database.transaction(({ dueConnections }) =>
    dueConnections.putOff({ connectionRef, intentId, leaseEpoch, seconds }),
  );
}

function enterGate({ gate }: CallDeps, { connection, provider, purpose, patienceMs }: CallRequestInput) {
  return (purpose === 'check' ? openGate : gate).enter({
    provider,
    connectionRef: connection.connectionRef,
    origin: connection.issuedOrigin,
    patienceMs,
  });
}

async function claimAdmitted(deps: CallDeps, input: CallRequestInput, admitted: Admitted): Promise<CallClaim> {
  let made: CallAttempt | null = null;
  const remember = (attempt: CallAttempt): void => {
    made = attempt;
  };
  try {
    return await tryClaim(deps, input, admitted, remember);
  } catch (error) {
    const attempt = made as CallAttempt | null;
    if (attempt !== null && (await isClaimed(deps, input, attempt))) return { kind: 'claimed', attempt };
    throw error;
  }
}

/** A commit whose answer got lost may have happened, and then nobody could claim the call for as long as the lease is. */
function isClaimed(
  { database }: CallDeps,
  input: CallRequestInput,
  { intentId }: Pick<CallAttempt, 'intentId'>,
): Promise<boolean> {
  const reread = database.transaction(async (stores) => {
    // Waits for the commit, should the server still be at it.
    await stores.connections.holdRow(input.connection.connectionRef);
    const state = await findState(stores, input);
    return state?.isHeld === true && state.intentId === intentId;
  });
  return reread.catch(() => false);
}

function tryClaim(
  deps: CallDeps,
  input: CallRequestInput,
  admitted: Admitted,
  remember: (attempt: CallAttempt) => void,
): Promise<CallClaim> {
  const { connection, owner, purpose } = input;
  const { connectionRef, version } = connection;
  const claimedMs = deps.monotonicMs();
  return deps.database.transaction(async (stores): Promise<CallClaim> => {
    const state = await findState(stores, input);
    const blocked = judge(input, state);
    if (blocked !== null || state === null) return blocked ?? { kind: 'busy' };
    const wasInDoubt = state.intentId !== null;
    const isOrphan = wasInDoubt && !state.isDoubtRecorded;
    const failures = state.failures + (isOrphan ? 1 : 0);
    const intentId = createUlid(deps.clock.now());
    // Whatever does not show the refresh token leaves the doubt about it as it is.
    const showsRefreshToken = purpose === 'refresh' || purpose === 'narrowing';
    const keepsIntent = wasInDoubt && !showsRefreshToken;
    const isWon = await stores.connections.claimRefreshLease({
      connectionRef,
      expectedVersion: version,
      owner,
      leaseSeconds,
      seen: state,
      intent: keepsIntent
        ? null
        : {
            intentId,
            countsAsCall: purpose === 'refresh',
            failures,
            nextAttemptInSeconds: wasInDoubt ? backoffSeconds(failures, deps.random) : null,
          },
    });
    if (!isWon) return { kind: 'busy' };
    if (isOrphan) await stores.audit.insert([describeOrphan(deps, input, state.intentId ?? '')]);
    const leaseLeftMs = () => leaseSeconds * 1_000 - (deps.monotonicMs() - claimedMs);
    const attempt = new CallAttempt({
      intentId,
      showsRefreshToken,
      wasInDoubt,
      failures,
      admitted,
      hasTime: () => leaseLeftMs() >= minLeaseLeftMs,
      timeoutMs: deps.callTimeoutMs,
    });
    remember(attempt);
    return { kind: 'claimed', attempt };
  });
}

/** Whoever made the call is dead or cannot write: nobody will tell how it ended. */
function describeOrphan(deps: CallDeps, input: CallRequestInput, intentId: string) {
  return createStepEntry(deps, input, {
    eventType: 'token.refresh_in_doubt',
    outcome: 'failure',
    data: { cause: 'no_outcome', intent_id: intentId },
  });
}
