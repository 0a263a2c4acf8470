/**
 * Refreshes a connection, or has its provider mint a narrower token: lease and intent in one short transaction, the
 * provider call outside of any, then a commit decided by compare-and-set on the version. Both may spend the refresh
 * token, so a connection has one of them at a time, and callers of one process share one refresh. What a crash between
 * the provider's answer and the commit needs (in-doubt recovery, spool, schedule, breaker) has its place in
 * `#refreshUnderLease`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { NexusError } from '@nexus/core/errors';
import { createUlid } from '@nexus/core/ids';
import { type Connection, hasSameToken } from '../domain/connection.js';
import { InFlightLimiter } from '../domain/in-flight-limiter.js';
import { type DownscopeMethod, isOauth, type Provider } from '../domain/provider.js';
import type { RequestContext } from '../domain/request-context.js';
import { refreshNotRecorded } from './commit-renewal.js';
import type { NarrowingRequest, NarrowOutcome } from './narrow-outcome.js';
import { NarrowingPace } from './narrowing-pace.js';
import { performNarrowing } from './perform-narrowing.js';
import { performRefresh } from './perform-refresh.js';
import { RecentCalls } from './recent-calls.js';
import type { RefreshOutcome } from './refresh-outcome.js';
import type { RefreshStepDeps } from './refresh-step.js';
import { inDoubtPauseSeconds } from './settle-failure.js';
import { storeKeptRenewal } from './store-kept-renewal.js';
import { type UnsavedRenewal, UnsavedRenewals } from './unsaved-renewals.js';

interface RefreshEngineDeps extends Omit<RefreshStepDeps, 'unsaved'> {
  /** In memory only where it is left out. */
  readonly unsaved?: UnsavedRenewals;
  /** How many narrowings a connection may have in one burst, and how many may wait for theirs. */
  readonly narrowing?: { readonly burst: number; readonly waiters: typeof defaultWaiters };
}

/** What runs for a connection until `isOver`; a narrowing that did not get the lease ends with null. */
type Running = { readonly isOver: Promise<unknown> } & (
  | { readonly kind: 'refresh'; readonly outcome: Promise<RefreshOutcome> }
  | { readonly kind: 'narrowing'; readonly outcome: Promise<NarrowOutcome | null> }
);

/** Longer than any provider call may take (10 s), so that a living holder never loses its lease. */
const leaseSeconds = 30;
const waitForOtherMs = 12_000;
/** Whoever waits for a lease at another Broker looks more often than this. */
const turnMs = 250;
/** Narrowings of one connection come one after the other, and each that waits keeps a request of the Gateway waiting. */
const defaultWaiters = { perKey: 8, total: 32 };

export class RefreshEngine {
  readonly #deps: RefreshStepDeps;
  /** Names this process in leases. */
  readonly #owner: string;
  readonly #running = new Map<string, Running>();
  readonly #recentCalls: RecentCalls;
  readonly #pace: NarrowingPace;
  readonly #narrowers: InFlightLimiter;
  readonly #unsaved: UnsavedRenewals;

  constructor(deps: RefreshEngineDeps) {
    this.#unsaved = deps.unsaved ?? new UnsavedRenewals();
    this.#deps = { ...deps, unsaved: this.#unsaved };
    this.#owner = createUlid(deps.clock.now());
    this.#recentCalls = new RecentCalls(deps.clock);
    this.#pace = new NarrowingPace(deps.clock, deps.narrowing?.burst);
    this.#narrowers = new InFlightLimiter(deps.narrowing?.waiters ?? defaultWaiters);
  }

  /**
   * Frees what a killed process held. Only where one Broker owns the database is an earlier boot known to be dead; with
   * replicas a lease simply runs out.
   */
  async forgetEarlierBoots(): Promise<void> {
    if (!this.#deps.database.isExclusive) return;
    await this.#deps.database.transaction((stores) => stores.connections.clearRefreshLeases());
  }

  /** One refresh at a time per connection, whoever asks. */
  async refresh(connection: Connection, provider: Provider, context: RequestContext): Promise<RefreshOutcome> {
    const running = this.#running.get(connection.connectionRef);
    if (running?.kind === 'refresh') return running.outcome;
    const needsCall = this.#unsaved.find(connection) === null;
    if (needsCall && this.#recentCalls.has(connection)) return this.#answerRecent(connection, provider, context);
    return this.#join(connection, provider, context);
  }

  /** Too soon for another call, but not for noticing that the profile has moved to another origin. */
  async #answerRecent(connection: Connection, provider: Provider, context: RequestContext): Promise<RefreshOutcome> {
    const { issuedOrigin } = connection;
    const origin = await this.#deps.providerClient.tokenEndpointOrigin(provider).catch(() => issuedOrigin);
    return origin === issuedOrigin ? { kind: 'still_fresh' } : this.#join(connection, provider, context);
  }

  /**
   * A token that can do no more than the request's scopes, minted by the provider.
   *
   * @throws NexusError `audit_unavailable`, `rate_limited` when too many wait for one already.
   */
  async narrow(request: NarrowingRequest): Promise<NarrowOutcome> {
    const { connection, provider, scopes } = request;
    const via = provider.profile.downscope;
    if (via === null || scopes.length === 0 || !isOauth(provider.profile)) return { kind: 'cannot_narrow' };
    if (via === 'refresh' && !connection.hasRefreshToken) return { kind: 'cannot_narrow' };
    const leave = this.#narrowers.enter(connection.connectionRef);
    if (leave === null) {
      throw new NexusError('rate_limited', 'Too many sessions wait for a token of this connection; try again shortly.');
    }
    try {
      return await this.#narrowInTurn(request, via);
    } finally {
      leave();
    }
  }

  async #narrowInTurn(request: NarrowingRequest, via: DownscopeMethod): Promise<NarrowOutcome> {
    const { connection } = request;
    const deadline = this.#deps.clock.now() + waitForOtherMs;
    do {
      const running = this.#running.get(connection.connectionRef);
      if (running === undefined) {
        const outcome = await this.#startNarrowing(request, via);
        if (outcome !== null) return outcome;
        await pause();
      } else {
        await Promise.allSettled([running.isOver]);
      }
    } while (this.#deps.clock.now() < deadline);
    return { kind: 'failed', retryAfterSeconds: null };
  }

  /** Tries again to store what was renewed while the database would not take it. */
  async storeUnsaved(): Promise<void> {
    const failures: unknown[] = [];
    for (const kept of this.#unsaved.list()) {
      await this.#storeKept(kept).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0)
      throw new AggregateError(failures, `${failures.length} renewed credentials are not stored`);
  }

  async #storeKept(kept: UnsavedRenewal): Promise<void> {
    const running = this.#running.get(kept.connection.connectionRef);
    // Whatever runs for the connection stores it before it does anything else.
    if (running !== undefined) await running.outcome;
    else await storeKeptRenewal(this.#deps, kept, this.#owner);
  }

  /**
   * Resolves when everything under way has committed; called at shutdown.
   *
   * @throws when what an earlier refresh brought could not be stored even now, and is lost with the process.
   */
  async close(): Promise<void> {
    while (this.#running.size > 0) {
      await Promise.allSettled([...this.#running.values()].map(({ isOver }) => isOver));
    }
    await this.storeUnsaved();
  }

  /** Takes part in the refresh that runs, or takes the place of the narrowing that runs, before any that waits. */
  async #join(connection: Connection, provider: Provider, context: RequestContext): Promise<RefreshOutcome> {
    const running = this.#running.get(connection.connectionRef);
    if (running?.kind === 'refresh') return running.outcome;
    return this.#start(connection, provider, context, running?.outcome);
  }

  #start(
    connection: Connection,
    provider: Provider,
    context: RequestContext,
    before?: Promise<unknown>,
  ): Promise<RefreshOutcome> {
    const run = () => this.#run(connection, provider, context);
    const outcome = before === undefined ? run() : before.then(run, run);
    this.#occupy(connection.connectionRef, { kind: 'refresh', outcome, isOver: outcome });
    return outcome;
  }

  #startNarrowing(request: NarrowingRequest, via: DownscopeMethod): Promise<NarrowOutcome | null> {
    const outcome = this.#runNarrowing(request, via);
    // Other Brokers' refreshes get their turn between two narrowings of this one; after a failure none follows.
    const isOver = outcome.then(async (ended) => {
      const mayFollow = ended !== null && ended.kind !== 'failed';
      if (mayFollow && !this.#deps.database.isExclusive) await sleep(turnMs);
    });
    this.#occupy(request.connection.connectionRef, { kind: 'narrowing', outcome, isOver });
    return outcome;
  }

  #occupy(connectionRef: string, running: Running): void {
    this.#running.set(connectionRef, running);
    const leave = () => {
      if (this.#running.get(connectionRef) === running) this.#running.delete(connectionRef);
    };
    running.isOver.then(leave, leave);
  }

  /** Refreshes, or waits for whoever holds the lease: for their new token, or for the end of their narrowing. */
  async #run(seen: Connection, provider: Provider, context: RequestContext): Promise<RefreshOutcome> {
    const { database, clock } = this.#deps;
    const deadline = clock.now() + waitForOtherMs;
    let connection = seen;
    do {
      const outcome = await this.#refreshUnderLease(connection, provider, context);
      if (outcome !== null) return outcome;
      const current = await database.stores.connections.findByRef(seen.connectionRef);
      if (current === null || current.status !== 'active') return { kind: 'attention' };
      if (!hasSameToken(seen, current)) return { kind: 'still_fresh' };
      // A newer version can be claimed at once; for the same one the lease is somebody's.
      if (current.version === connection.version) await pause();
      connection = current;
    } while (clock.now() < deadline);
    return { kind: 'failed', retryAfterSeconds: null };
  }

  /** Null where the lease is not to be had for the connection as it was seen. */
  async #refreshUnderLease(
    connection: Connection,
    provider: Provider,
    context: RequestContext,
  ): Promise<RefreshOutcome | null> {
    if (!(await this.#claim(connection))) return null;
    const { connectionRef } = connection;
    this.#recentCalls.remember(connectionRef);
    const outcome = await this.#orRelease(connectionRef, null, () =>
      performRefresh(this.#deps, { connection, provider, context, owner: this.#owner }),
    );
    // Whoever mends what needed attention need not wait for the next call.
    if (outcome.kind === 'attention') this.#recentCalls.forget(connectionRef);
    return outcome;
  }

  async #runNarrowing(request: NarrowingRequest, via: DownscopeMethod): Promise<NarrowOutcome | null> {
    const { provider, context, scopes, about, store } = request;
    const { connectionRef } = request.connection;
    const { connections } = this.#deps.database.stores;
    let connection = await connections.findByRef(connectionRef);
    if (connection !== null && this.#unsaved.find(connection) !== null) {
      // The refresh token in the row is spent: the one that waits in memory comes first.
      const outcome = await this.#refreshUnderLease(connection, provider, context);
      if (outcome === null || outcome.kind === 'failed') return outcome;
      connection = await connections.findByRef(connectionRef);
    }
    if (connection === null || connection.status !== 'active') return { kind: 'attention' };
    const state = await connections.findAttemptState(connectionRef);
    const failures = state?.failures ?? 0;
    const retryAfterSeconds = Math.max(state?.waitSeconds ?? 0, this.#pace.secondsToWait(connectionRef));
    if (retryAfterSeconds > 0) return { kind: 'failed', retryAfterSeconds };
    if (!(await this.#claim(connection))) return null;
    this.#pace.spend(connectionRef);
    const input = { connection, provider, context, owner: this.#owner, failures, scopes, about, store, via };
    return this.#orRelease(connectionRef, inDoubtPauseSeconds, () => performNarrowing(this.#deps, input));
  }

  /** Lease and intent, for exactly the version that was seen. */
  async #claim({ connectionRef, version }: Connection): Promise<boolean> {
    const { database, clock } = this.#deps;
    const intentId = createUlid(clock.now());
    const claim = { connectionRef, expectedVersion: version, owner: this.#owner, intentId, leaseSeconds };
    return database
      .transaction((stores) => stores.connections.claimRefreshLease(claim))
      .catch((cause: unknown) => {
        throw refreshNotRecorded(cause);
      });
  }

  /**
   * Nothing is known to be spent when a step before the call failed, so others need not wait out the lease. Where not
   * even that can be written, it runs out by itself.
   */
  async #orRelease<T>(
    connectionRef: string,
    nextAttemptInSeconds: number | null,
    perform: () => Promise<T>,
  ): Promise<T> {
    try {
      return await perform();
    } catch (error) {
      const release = { connectionRef, owner: this.#owner, nextAttemptInSeconds, failed: true };
      await this.#deps.database
        .transaction((stores) => stores.connections.releaseRefreshLease(release))
        .catch(() => undefined);
      throw error;
    }
  }
}

function pause(): Promise<void> {
  return sleep(50 + Math.random() * 150);
}
