/**
 * Refreshes a connection, or has its provider mint a narrower token: lease and intent in one short transaction, the
 * provider call outside of any, then a commit decided by compare-and-set on the version. Both may spend the refresh
 * token, so a connection has one of them at a time, and callers of one process share one refresh.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { NexusError } from '@nexus/core/errors';
import { createUlid } from '@nexus/core/ids';
import { type Connection, hasSameToken } from '../domain/connection.js';
import { InFlightLimiter } from '../domain/in-flight-limiter.js';
import { type DownscopeMethod, isOauth, type Provider } from '../domain/provider.js';
import type { RequestContext } from '../domain/request-context.js';
import { attemptNarrowing, type NarrowingDeps } from './attempt-narrowing.js';
import { callTimeoutMs } from './attempt-pace.js';
import { attemptRefresh } from './attempt-refresh.js';
import { openGate } from './call-gate.js';
import type { NarrowingRequest, NarrowOutcome } from './narrow-outcome.js';
import { NarrowingPace } from './narrowing-pace.js';
import { RecentAnswers } from './pacing/recent-answers.js';
import type { RefreshOutcome } from './refresh-outcome.js';
import type { RefreshStepDeps } from './refresh-step.js';
import { storeKeptRenewal } from './store-kept-renewal.js';
import { type UnsavedRenewal, UnsavedRenewals } from './unsaved-renewals.js';

interface RefreshEngineDeps
  extends Omit<RefreshStepDeps, 'unsaved' | 'sleep'>,
    Partial<Pick<NarrowingDeps, 'gate' | 'random' | 'sleep' | 'monotonicMs' | 'callTimeoutMs'>> {
  /** In memory only where it is left out. */
  readonly unsaved?: UnsavedRenewals;
  /** How many narrowings a connection may have in one burst, and how many may wait for theirs. */
  readonly narrowing?: { readonly burst: number; readonly waiters: typeof defaultWaiters };
}

/** What runs for a connection until `isOver`; a narrowing that did not get the lease ends with null. */
type Running = { readonly isOver: Promise<unknown> } & (
  | {
      readonly kind: 'refresh';
      readonly urgency: Urgency;
      readonly outcome: Promise<RefreshOutcome>;
      /** As much of it as a caller waits for. */
      readonly timely: Promise<RefreshOutcome>;
    }
  | { readonly kind: 'narrowing'; readonly outcome: Promise<NarrowOutcome | null> }
);

/** Whether somebody waits for the refresh; `background` does not wait long for its turn at the provider. */
export type Urgency = 'now' | 'background';

/** How long a caller waits, for its turn at the provider and for the lease of others. */
const patienceMs = 12_000;
/** The schedule keeps the provider's pace by waiting for its turns; longer, and it would stand in the way of callers. */
const backgroundPatienceMs = 1_000;
/** Whoever waits for a lease at another Broker looks more often than this. */
const turnMs = 250;
/** Narrowings of one connection come one after the other, and each that waits keeps a request of the Gateway waiting. */
const defaultWaiters = { perKey: 8, total: 32 };

export class RefreshEngine {
  readonly #deps: NarrowingDeps;
  /** Names this process in leases. */
  readonly #owner: string;
  readonly #running = new Map<string, Running>();
  readonly #narrowers: InFlightLimiter;
  readonly #unsaved: UnsavedRenewals;

  constructor(deps: RefreshEngineDeps) {
    this.#unsaved = deps.unsaved ?? new UnsavedRenewals();
    this.#deps = {
      gate: openGate,
      random: Math.random,
      sleep: (ms) => wait(ms),
      monotonicMs: () => performance.now(),
      callTimeoutMs,
      ...deps,
      unsaved: this.#unsaved,
      pace: new NarrowingPace(deps.clock, deps.narrowing?.burst),
      answers: new RecentAnswers(deps.clock),
    };
    this.#owner = createUlid(deps.clock.now());
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

  /**
   * One refresh at a time per connection, whoever asks. Answers within 12 s; what is under way goes on.
   *
   * @throws NexusError `audit_unavailable`.
   */
  async refresh(
    connection: Connection,
    provider: Provider,
    context: RequestContext,
    urgency: Urgency = 'now',
  ): Promise<RefreshOutcome> {
    const running = this.#running.get(connection.connectionRef);
    const isIdle = running === undefined && this.#unsaved.find(connection) === null;
    const told = urgency === 'background' && isIdle ? this.#deps.answers.find(connection, provider.version) : null;
    if (told !== null) return told;
    if (running?.kind !== 'refresh') return this.#start({ connection, provider, context }, urgency, running?.outcome);
    const outcome = await running.timely;
    // It may have failed for a lack of patience only; while it still runs, there is nothing more to wait for.
    const isOver = this.#running.get(connection.connectionRef) !== running;
    const isImpatient = urgency === 'now' && running.urgency === 'background' && isOver;
    return isImpatient && outcome.kind === 'failed' ? this.refresh(connection, provider, context, urgency) : outcome;
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
    const deadline = this.#deps.monotonicMs() + patienceMs;
    do {
      const running = this.#running.get(connection.connectionRef);
      if (running === undefined) {
        const outcome = await this.#startNarrowing(request, via);
        if (outcome !== null) return outcome;
        await this.#pause();
      } else {
        await Promise.allSettled([running.isOver]);
      }
    } while (this.#deps.monotonicMs() < deadline);
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
   * @throws when what an earlier refresh brought could not be stored even now; it is left to the spool.
   */
  async close(): Promise<void> {
    while (this.#running.size > 0) {
      await Promise.allSettled([...this.#running.values()].map(({ isOver }) => isOver));
    }
    await this.storeUnsaved();
  }

  /** Takes the place of the narrowing that runs, before any that waits. */
  #start(target: Target, urgency: Urgency, before?: Promise<unknown>): Promise<RefreshOutcome> {
    const run = () => this.#run(target, urgency);
    const outcome = before === undefined ? run() : before.then(run, run);
    const timely = within(outcome, patienceMs);
    this.#occupy(target.connection.connectionRef, { kind: 'refresh', urgency, outcome, timely, isOver: outcome });
    return timely;
  }

  #startNarrowing(request: NarrowingRequest, via: DownscopeMethod): Promise<NarrowOutcome | null> {
    const outcome = attemptNarrowing(this.#deps, { ...request, via, owner: this.#owner, patienceMs });
    // Other Brokers' refreshes get their turn between two narrowings of this one; after a failure none follows.
    const isOver = outcome.then(async (ended) => {
      const mayFollow = ended !== null && ended.kind !== 'failed';
      if (mayFollow && !this.#deps.database.isExclusive) await this.#deps.sleep(turnMs);
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
  async #run({ connection: seen, provider, context }: Target, urgency: Urgency): Promise<RefreshOutcome> {
    const { database, monotonicMs } = this.#deps;
    // Whoever waits knows nothing of what the clock is set to meanwhile.
    const deadline = monotonicMs() + patienceMs;
    let connection = seen;
    do {
      const patience = urgency === 'now' ? Math.max(0, deadline - monotonicMs()) : backgroundPatienceMs;
      const target = { connection, provider, context, owner: this.#owner, patienceMs: patience };
      const outcome = await attemptRefresh(this.#deps, target);
      // Where the answer was lost, the same refresh token is shown once more: at once it may still be taken.
      const isLost = outcome?.kind === 'failed' && 'isLost' in outcome;
      if (outcome !== null && !isLost) return outcome;
      const current = await database.stores.connections.findByRef(seen.connectionRef);
      if (current === null || current.status !== 'active') return { kind: 'attention' };
      if (!hasSameToken(seen, current)) return { kind: 'still_fresh' };
      // A newer version can be claimed at once; for the same one the lease is somebody's.
      if (!isLost && current.version === connection.version) await this.#pause();
      connection = current;
    } while (monotonicMs() < deadline);
    return { kind: 'failed', retryAfterSeconds: null };
  }

  #pause(): Promise<void> {
    return this.#deps.sleep(50 + this.#deps.random() * 150);
  }
}

interface Target {
  readonly connection: Connection;
  readonly provider: Provider;
  readonly context: RequestContext;
}

function within(outcome: Promise<RefreshOutcome>, ms: number): Promise<RefreshOutcome> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve({ kind: 'failed', retryAfterSeconds: 1 }), ms);
    outcome.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
