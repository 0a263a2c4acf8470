/**
 * Refreshes a connection: lease and intent in one short transaction, the provider call outside of any, then a commit
 * decided by compare-and-set on the version. Callers of one process share one refresh. What a crash between the
 * provider's answer and the commit needs (in-doubt recovery, spool, schedule, breaker) has its place in `#run`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@nexus/core/clock';
import { createUlid } from '@nexus/core/ids';
import type { Connection } from '../domain/connection.js';
import type { Provider } from '../domain/provider.js';
import type { RequestContext } from '../domain/request-context.js';
import type { Database } from '../stores/database.js';
import { discardGrant, performRefresh, type RefreshStepDeps, refreshNotRecorded } from './perform-refresh.js';
import type { RefreshOutcome } from './refresh-outcome.js';
import { UnsavedRenewals } from './unsaved-renewals.js';

interface RefreshEngineDeps extends Omit<RefreshStepDeps, 'unsaved'> {
  readonly database: Database;
  readonly clock: Clock;
}

/** Longer than any provider call may take (10 s), so that a living holder never loses its lease. */
const leaseSeconds = 30;
const callIntervalMs = 30_000;
const waitForOtherMs = 12_000;

export class RefreshEngine {
  readonly #deps: RefreshEngineDeps;
  /** Names this process in leases. */
  readonly #owner: string;
  readonly #running = new Map<string, Promise<RefreshOutcome>>();
  readonly #lastCalls = new Map<string, number>();
  readonly #unsaved = new UnsavedRenewals();

  constructor(deps: RefreshEngineDeps) {
    this.#deps = deps;
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
  refresh(connection: Connection, provider: Provider, context: RequestContext): Promise<RefreshOutcome> {
    const running = this.#running.get(connection.connectionRef);
    if (running !== undefined) return running;
    const needsCall = this.#unsaved.find(connection) === null;
    if (needsCall && this.#wasCalledRecently(connection)) return this.#answerRecent(connection, provider, context);
    return this.#start(connection, provider, context);
  }

  /** Too soon for another call, but not for noticing that the profile has moved to another origin. */
  async #answerRecent(connection: Connection, provider: Provider, context: RequestContext): Promise<RefreshOutcome> {
    const { issuedOrigin, connectionRef } = connection;
    const origin = await this.#deps.providerClient.tokenEndpointOrigin(provider).catch(() => issuedOrigin);
    if (origin === issuedOrigin) return { kind: 'still_fresh' };
    return this.#running.get(connectionRef) ?? this.#start(connection, provider, context);
  }

  /** Tries again to store what was renewed while the database would not take it. */
  async storeUnsaved(): Promise<void> {
    const failures: unknown[] = [];
    for (const { connection, provider, context, renewed } of this.#unsaved.list()) {
      const { connectionRef } = connection;
      try {
        const current = await this.#deps.database.stores.connections.findByRef(connectionRef);
        if (current === null || current.status === 'revoked') {
          await discardGrant(this.#deps, { connection, provider }, renewed.merged);
          this.#unsaved.forget(connectionRef);
          continue;
        }
        const outcome = await (this.#running.get(connectionRef) ?? this.#start(connection, provider, context));
        if (outcome.kind !== 'failed') this.#unsaved.forget(connectionRef);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0)
      throw new AggregateError(failures, `${failures.length} renewed credentials are not stored`);
  }

  #start(connection: Connection, provider: Provider, context: RequestContext): Promise<RefreshOutcome> {
    const { connectionRef } = connection;
    const started = this.#run(connection, provider, context).finally(() => this.#running.delete(connectionRef));
    this.#running.set(connectionRef, started);
    return started;
  }

  /**
   * Resolves when every refresh under way has committed; called at shutdown.
   *
   * @throws when what an earlier refresh brought could not be stored even now, and is lost with the process.
   */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running.values());
    await this.storeUnsaved();
  }

  /** At most one provider call per connection in 30 s, unless the token has already expired. */
  #wasCalledRecently(connection: Connection): boolean {
    const now = this.#deps.clock.now();
    if (connection.accessExpiresAt !== null && connection.accessExpiresAt * 1_000 <= now) return false;
    const last = this.#lastCalls.get(connection.connectionRef);
    if (last !== undefined && now - last < callIntervalMs) return true;
    return connection.lastRefreshAt !== null && now - Date.parse(connection.lastRefreshAt) < callIntervalMs;
  }

  async #run(seen: Connection, provider: Provider, context: RequestContext): Promise<RefreshOutcome> {
    const deps = { ...this.#deps, unsaved: this.#unsaved };
    const { database, clock } = deps;
    const intentId = createUlid(clock.now());
    const lease = { connectionRef: seen.connectionRef, expectedVersion: seen.version, owner: this.#owner };
    const isOurs = await database
      .transaction((stores) => stores.connections.claimRefreshLease({ ...lease, intentId, leaseSeconds }))
      .catch((cause: unknown) => {
        throw refreshNotRecorded(cause);
      });
    if (!isOurs) return this.#waitForOther(seen);
    this.#rememberCall(seen.connectionRef);
    // Re-read under the lease: the caller's copy may be older than a concurrent reconnect.
    const connection = await database.stores.connections.findByRef(seen.connectionRef);
    if (connection === null || connection.version !== seen.version) return { kind: 'still_fresh' };
    try {
      const outcome = await performRefresh(deps, { connection, provider, context, owner: this.#owner });
      // Whoever mends what needed attention need not wait for the next call.
      if (outcome.kind === 'attention') this.#lastCalls.delete(connection.connectionRef);
      return outcome;
    } catch (error) {
      // Nothing is known to be spent when a step before the call failed, so others need not wait out the lease. Where
      // not even that can be written, it runs out by itself.
      await this.#release(connection.connectionRef).catch(() => undefined);
      throw error;
    }
  }

  async #release(connectionRef: string): Promise<void> {
    await this.#deps.database.transaction((stores) =>
      stores.connections.releaseRefreshLease({
        connectionRef,
        owner: this.#owner,
        nextAttemptInSeconds: null,
        failed: true,
      }),
    );
  }

  async #waitForOther(seen: Connection): Promise<RefreshOutcome> {
    const { connections } = this.#deps.database.stores;
    const deadline = this.#deps.clock.now() + waitForOtherMs;
    while (this.#deps.clock.now() < deadline) {
      const current = await connections.findByRef(seen.connectionRef);
      if (current === null || current.status !== 'active') return { kind: 'attention' };
      if (current.version > seen.version) return { kind: 'still_fresh' };
      await sleep(50 + Math.random() * 150);
    }
    return { kind: 'failed', retryAfterSeconds: null };
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
