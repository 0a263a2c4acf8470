/**
 * Refreshes a connection, or has its provider mint a narrower token: lease and intent in one short transaction, the
 * provider call outside of any, then a commit decided by compare-and-set on the version. Both may spend the refresh
 * token, so a connection has one of them at a time, and callers of one process share one refresh. What a crash between
 * the provider's answer and the commit needs (in-doubt recovery, spool, schedule, breaker) has its place in
 * `#refreshUnderLease`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@nexus/core/clock';
import { createUlid } from '@nexus/core/ids';
import { type Connection, hasSameToken } from '../domain/connection.js';
import { type DownscopeMethod, isOauth, type Provider } from '../domain/provider.js';
import type { RequestContext } from '../domain/request-context.js';
import type { Database } from '../stores/database.js';
import { refreshNotRecorded } from './commit-renewal.js';
import { discardGrant } from './discard-tokens.js';
import type { NarrowingRequest, NarrowOutcome } from './narrow-outcome.js';
import { performNarrowing } from './perform-narrowing.js';
import { performRefresh } from './perform-refresh.js';
import type { RefreshOutcome } from './refresh-outcome.js';
import type { RefreshStepDeps } from './refresh-step.js';
import { type UnsavedRenewal, UnsavedRenewals } from './unsaved-renewals.js';

interface RefreshEngineDeps extends Omit<RefreshStepDeps, 'unsaved'> {
  readonly database: Database;
  readonly clock: Clock;
}

/** What runs for a connection; a narrowing that did not get the lease ends with null. */
type Running =
  | { readonly kind: 'refresh'; readonly outcome: Promise<RefreshOutcome> }
  | { readonly kind: 'narrowing'; readonly outcome: Promise<NarrowOutcome | null> };

/** Longer than any provider call may take (10 s), so that a living holder never loses its lease. */
const leaseSeconds = 30;
const callIntervalMs = 30_000;
const waitForOtherMs = 12_000;

export class RefreshEngine {
  readonly #deps: RefreshStepDeps;
  /** Names this process in leases. */
  readonly #owner: string;
  readonly #running = new Map<string, Running>();
  readonly #lastCalls = new Map<string, number>();
  readonly #unsaved = new UnsavedRenewals();

  constructor(deps: RefreshEngineDeps) {
    this.#deps = { ...deps, unsaved: this.#unsaved };
    this.#owner = createUlid(deps.clock.now());
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
    if (needsCall && this.#wasCalledRecently(connection)) return this.#answerRecent(connection, provider, context);
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
   * @throws NexusError `audit_unavailable`.
   */
  async narrow(request: NarrowingRequest): Promise<NarrowOutcome> {
    const { connection, provider, scopes } = request;
    const via = provider.profile.downscope;
    if (via === null || scopes.length === 0 || !isOauth(provider.profile)) return { kind: 'cannot_narrow' };
    const deadline = this.#deps.clock.now() + waitForOtherMs;
    do {
      const running = this.#running.get(connection.connectionRef);
      if (running === undefined) {
        const outcome = await this.#startNarrowing(request, via);
        if (outcome !== null) return outcome;
        await pause();
      } else {
        await Promise.allSettled([running.outcome]);
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

  async #storeKept({ connection, provider, context, renewed }: UnsavedRenewal): Promise<void> {
    const { connectionRef } = connection;
    const current = await this.#deps.database.stores.connections.findByRef(connectionRef);
    if (current === null || current.status === 'revoked') {
      await discardGrant(this.#deps, { connection, provider }, renewed.credential);
      this.#unsaved.forget(connectionRef);
      return;
    }
    const running = this.#running.get(connectionRef);
    if (running !== undefined) {
      // Whatever runs for the connection stores it before it does anything else.
      await running.outcome;
      return;
    }
    if (current.version === connection.version) {
      const outcome = await this.#start(connection, provider, context);
      if (outcome.kind === 'failed') return;
    }
    this.#unsaved.forget(connectionRef);
  }

  /**
   * Resolves when everything under way has committed; called at shutdown.
   *
   * @throws when what an earlier refresh brought could not be stored even now, and is lost with the process.
   */
  async close(): Promise<void> {
    while (this.#running.size > 0) {
      await Promise.allSettled([...this.#running.values()].map(({ outcome }) => outcome));
    }
    await this.storeUnsaved();
  }

  /** Takes part in the refresh that runs, or begins one as soon as nothing runs for the connection. */
  async #join(connection: Connection, provider: Provider, context: RequestContext): Promise<RefreshOutcome> {
    for (;;) {
      const running = this.#running.get(connection.connectionRef);
      if (running === undefined) return this.#start(connection, provider, context);
      if (running.kind === 'refresh') return running.outcome;
      await running.outcome.catch(() => null);
    }
  }

  #start(connection: Connection, provider: Provider, context: RequestContext): Promise<RefreshOutcome> {
    const { connectionRef } = connection;
    const outcome = this.#run(connection, provider, context).finally(() => this.#running.delete(connectionRef));
    this.#running.set(connectionRef, { kind: 'refresh', outcome });
    return outcome;
  }

  #startNarrowing(request: NarrowingRequest, via: DownscopeMethod): Promise<NarrowOutcome | null> {
    const { connectionRef } = request.connection;
    const outcome = this.#runNarrowing(request, via).finally(() => this.#running.delete(connectionRef));
    this.#running.set(connectionRef, { kind: 'narrowing', outcome });
    return outcome;
  }

  /** At most one provider call per connection in 30 s, unless the token has already expired. */
  #wasCalledRecently(connection: Connection): boolean {
    const now = this.#deps.clock.now();
    if (connection.accessExpiresAt !== null && connection.accessExpiresAt * 1_000 <= now) return false;
    const last = this.#lastCalls.get(connection.connectionRef);
    if (last !== undefined && now - last < callIntervalMs) return true;
    return connection.lastRefreshAt !== null && now - Date.parse(connection.lastRefreshAt) < callIntervalMs;
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
    this.#rememberCall(connectionRef);
    const outcome = await this.#orRelease(connectionRef, () =>
      performRefresh(this.#deps, { connection, provider, context, owner: this.#owner }),
    );
    // Whoever mends what needed attention need not wait for the next call.
    if (outcome.kind === 'attention') this.#lastCalls.delete(connectionRef);
    return outcome;
  }

  async #runNarrowing(request: NarrowingRequest, via: DownscopeMethod): Promise<NarrowOutcome | null> {
    const { provider, context, scopes, about, store } = request;
    const { connectionRef } = request.connection;
    const find = () => this.#deps.database.stores.connections.findByRef(connectionRef);
    let connection = await find();
    if (connection !== null && this.#unsaved.find(connection) !== null) {
      // The refresh token in the row is spent: the one that waits in memory comes first.
      const outcome = await this.#refreshUnderLease(connection, provider, context);
      if (outcome === null || outcome.kind === 'failed') return outcome;
      connection = await find();
    }
    if (connection === null || connection.status !== 'active') return { kind: 'attention' };
    if (!(await this.#claim(connection))) return null;
    const input = { connection, provider, context, owner: this.#owner, scopes, about, store, via };
    return this.#orRelease(connectionRef, () => performNarrowing(this.#deps, input));
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
  async #orRelease<T>(connectionRef: string, perform: () => Promise<T>): Promise<T> {
    try {
      return await perform();
    } catch (error) {
      const release = { connectionRef, owner: this.#owner, nextAttemptInSeconds: null, failed: true };
      await this.#deps.database
        .transaction((stores) => stores.connections.releaseRefreshLease(release))
        .catch(() => undefined);
      throw error;
    }
  }

  #rememberCall(connectionRef: string): void {
    const now = this.#deps.clock.now();
    this.#lastCalls.delete(connectionRef);
    this.#lastCalls.set(connectionRef, now);
    for (const [ref, at] of this.#lastCalls) {
      if (now - at < callIntervalMs) break;
      this.#lastCalls.delete(ref);
    }
  }
}

function pause(): Promise<void> {
  return sleep(50 + Math.random() * 150);
}
