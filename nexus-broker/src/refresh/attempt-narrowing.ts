/** One attempt to have a narrower token minted, from the question whether it may be made to what came of it. */
import type { DownscopeMethod } from '../domain/provider.js';
import { attemptRefresh, orRelease } from './attempt-refresh.js';
import { type CallDeps, claimCall } from './claim-call.js';
import type { NarrowingRequest, NarrowOutcome } from './narrow-outcome.js';
import type { NarrowingPace } from './narrowing-pace.js';
import { performNarrowing } from './perform-narrowing.js';

export interface NarrowingDeps extends CallDeps {
  readonly pace: NarrowingPace;
}

interface NarrowingInput extends NarrowingRequest {
  readonly via: DownscopeMethod;
  /** Holder of the lease. */
  readonly owner: string;
  readonly patienceMs: number;
}

/**
 * Null where the lease is not to be had.
 *
 * @throws NexusError `audit_unavailable`.
 */
export async function attemptNarrowing(deps: NarrowingDeps, input: NarrowingInput): Promise<NarrowOutcome | null> {
  const { connectionRef } = input.connection;
  const { connections } = deps.database.stores;
  let connection = await connections.findByRef(connectionRef);
  if (connection !== null && deps.unsaved.find(connection) !== null) {
    const outcome = await attemptRefresh(deps, { ...input, connection });
    if (outcome === null || outcome.kind === 'failed') return outcome;
    connection = await connections.findByRef(connectionRef);
  }
  if (connection === null || connection.status !== 'active') return { kind: 'attention' };
  const pauseSeconds = deps.pace.secondsToWait(connectionRef);
  if (pauseSeconds > 0) return { kind: 'failed', retryAfterSeconds: pauseSeconds };
  const purpose = input.via === 'refresh' ? 'narrowing' : 'exchange';
  const claim = await claimCall(deps, { ...input, connection, purpose });
  if (claim.kind === 'busy') return null;
  if (claim.kind === 'recent') return { kind: 'failed', retryAfterSeconds: null };
  if (claim.kind !== 'claimed') return { kind: 'failed', retryAfterSeconds: claim.retryAfterSeconds };
  deps.pace.spend(connectionRef);
  const step = { ...input, connection, attempt: claim.attempt };
  return orRelease(deps, step, () => performNarrowing(deps, step));
}
