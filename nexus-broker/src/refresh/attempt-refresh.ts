/** One attempt to refresh, from the question whether it may be made at all to what came of it. */
import { isTooEarly } from '../domain/grant.js';
import { type CallClaim, type CallDeps, type CallRequestInput, claimCall } from './claim-call.js';
import { performRefresh } from './perform-refresh.js';
import type { RefreshOutcome } from './refresh-outcome.js';
import type { CallStepInput } from './refresh-step.js';
import type { FailedStep } from './settle-failure.js';
import { storeRenewed } from './store-renewed.js';

type RefreshInput = Omit<CallRequestInput, 'purpose'>;

/**
 * Null where the lease is not to be had for the connection as it was seen.
 *
 * @throws NexusError `audit_unavailable`.
 */
export async function attemptRefresh(deps: CallDeps, input: RefreshInput): Promise<RefreshOutcome | FailedStep | null> {
  const unsaved = deps.unsaved.find(input.connection);
  // The refresh token in the row is spent. The version decides, so no lease is needed to store its successor.
  if (unsaved !== null) return storeRenewed(deps, input, unsaved, 1);
  if (isTooEarly(input.connection, input.provider.profile.refresh, deps.clock.now())) return { kind: 'still_fresh' };
  const claim = await claimRefresh(deps, input);
  switch (claim.kind) {
    case 'busy':
      return null;
    case 'recent':
    case 'spared':
      return deps.answers.note(input.connection, input.provider.version, { kind: 'still_fresh' });
    case 'backoff': {
      const outcome = { kind: 'failed', retryAfterSeconds: claim.retryAfterSeconds } as const;
      return deps.answers.note(input.connection, input.provider.version, outcome);
    }
    case 'refused':
      return { kind: 'failed', retryAfterSeconds: claim.retryAfterSeconds };
    case 'claimed': {
      const step = { ...input, attempt: claim.attempt };
      return orRelease(deps, step, () => performRefresh(deps, step));
    }
  }
}

async function claimRefresh(deps: CallDeps, input: RefreshInput): Promise<CallClaim> {
  // Without a refresh token that could be of use there is nothing to ask, and only the connection's end to be recorded.
  if (!input.connection.hasRefreshToken || !input.provider.profile.refresh.isSupported)
    return claimCall(deps, { ...input, purpose: 'check' });
  const claim = await claimCall(deps, { ...input, purpose: 'refresh' });
  const isBlocked = claim.kind !== 'claimed' && claim.kind !== 'busy';
  // Too soon for another call, but not for noticing that the profile has moved to another origin.
  return isBlocked && hasMoved(deps, input) ? claimCall(deps, { ...input, purpose: 'check' }) : claim;
}

function hasMoved({ providerClient }: CallDeps, { connection: { issuedOrigin }, provider }: RefreshInput): boolean {
  const origin = providerClient.knownTokenEndpointOrigin(provider);
  return origin !== null && origin !== issuedOrigin;
}

/**
 * Gives the lease back where a step fails, so that others need not wait it out: with the intent open where the provider
 * may have heard of it. What waits to be stored keeps the lease, because the refresh token of the row is spent. Where
 * not even that can be written, the lease runs out by itself.
 */
export async function orRelease<T>(
  deps: CallDeps,
  { connection, owner, attempt }: CallStepInput,
  perform: () => Promise<T>,
): Promise<T> {
  try {
    return await perform();
  } catch (error) {
    if (deps.unsaved.find(connection) === null) {
      const release = {
        connectionRef: connection.connectionRef,
        owner,
        nextAttemptInSeconds: null,
        failures: 'add',
        intent: attempt.intentAfterError,
      } as const;
      await deps.database
        .transaction((stores) => stores.connections.releaseRefreshLease(release))
        .catch(() => undefined);
    }
    throw error;
  } finally {
    await attempt.leave();
  }
}
