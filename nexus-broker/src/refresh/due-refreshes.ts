/**
 * Renews tokens before anybody has to wait for them, for grants that are in use, and shows others to their provider
 * before it forgets them. Every Broker does so by itself: leases keep two of them off one connection.
 */
import { type Clock, toInstant } from '@nexus/core/clock';
import { createUlid } from '@nexus/core/ids';
import type { Connection } from '../domain/connection.js';
import { inUseMs } from '../domain/grant.js';
import { placeFor } from '../domain/profile-places.js';
import { systemContext } from '../domain/request-context.js';
import type { BlockedCalls } from '../stores/call-pace-store.js';
import type { Database } from '../stores/database.js';
import type { RefreshEngine } from './refresh-engine.js';

interface DueRefreshesDeps {
  readonly database: Pick<Database, 'stores'>;
  readonly clock: Clock;
  readonly refresh: Pick<RefreshEngine, 'refresh'>;
  readonly onBackgroundError: (error: unknown) => void;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
}

const claimSize = 50;
/** At each of these is one connection at a time being renewed, or several, as the provider's profile allows. */
const maxLanes = 32;
/** What is due may be ordered anew then. */
const laneMs = 10_000;
/** Share of its idle life after which a grant is shown to its provider. */
const idleShare = 0.8;
/** A provider that fails has its turn again in the next run. */
const failuresPerLane = 3;

export class DueRefreshes {
  readonly #deps: DueRefreshesDeps;
  readonly #lanes = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor(deps: DueRefreshesDeps) {
    this.#deps = deps;
  }

  /** Begins what is due, and does not wait for it: a slow provider keeps no other waiting. */
  async run(): Promise<void> {
    const { clock, database } = this.#deps;
    const { callPace, dueConnections } = database.stores;
    const blocked = await callPace.listBlocked();
    for (let found = claimSize; found === claimSize && this.#hasRoom(); ) {
      const now = clock.now();
      const readSince = toInstant(now - inUseMs);
      const due = await dueConnections.findDue({ now, readSince, except: this.#exceptBusy(blocked), limit: claimSize });
      for (const connections of groupByProvider(due)) this.#startLane(connections);
      found = due.length;
    }
  }

  /** Begins what would be forgotten, whether it is due or not, and whether anybody reads it or not. */
  async keepAlive(): Promise<void> {
    const { clock, database } = this.#deps;
    const { callPace, dueConnections, providers } = database.stores;
    const blocked = await callPace.listBlocked();
    for (const { providerId, profile } of await providers.list()) {
      const { idleLifetimeSeconds } = profile.refresh;
      if (idleLifetimeSeconds === null || !this.#hasRoom()) continue;
      const except = this.#exceptBusy(blocked);
      if (except.providerIds.includes(providerId)) continue;
      const lastOkBefore = toInstant(clock.now() - idleLifetimeSeconds * idleShare * 1_000);
      const idle = await dueConnections.findIdle({ providerId, lastOkBefore, limit: claimSize });
      this.#startLane(idle.filter(({ issuedOrigin }) => !except.origins.includes(issuedOrigin)));
    }
  }

  /** Resolves when what is under way has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#lanes.values());
  }

  #hasRoom(): boolean {
    return !this.#isClosed && this.#lanes.size < maxLanes;
  }

  #exceptBusy({ origins, providerIds }: BlockedCalls): BlockedCalls {
    return { origins, providerIds: [...providerIds, ...this.#lanes.keys()] };
  }

  #startLane(connections: readonly Connection[]): void {
    const [first] = connections;
    if (first === undefined || !this.#hasRoom()) return;
    const { providerId } = first;
    const lane = this.#work(providerId, shuffle(connections, this.#deps.random ?? Math.random))
      .catch(this.#deps.onBackgroundError)
      .finally(() => this.#lanes.delete(providerId));
    this.#lanes.set(providerId, lane);
  }

  async #work(providerId: string, connections: Connection[]): Promise<void> {
    const { clock, database, refresh } = this.#deps;
    const provider = await database.stores.providers.findById(providerId);
    if (provider === null) return;
    const context = systemContext(createUlid(clock.now()));
    const until = clock.now() + laneMs;
    let failures = 0;
    const work = async (): Promise<void> => {
      while (!this.#isClosed && failures < failuresPerLane && clock.now() < until) {
        const connection = connections.pop();
        if (connection === undefined) return;
        const outcome = await refresh.refresh(connection, placeFor(provider, connection), context, 'background');
        if (outcome.kind === 'failed') failures += 1;
      }
    };
    // Readers who wait for their token need slots too.
    const workers = Math.max(1, Math.floor(provider.profile.refresh.concurrency / 2));
    await Promise.all(Array.from({ length: workers }, work));
  }
}

function groupByProvider(connections: readonly Connection[]): Iterable<Connection[]> {
  const groups = new Map<string, Connection[]>();
  for (const connection of connections) {
    const group = groups.get(connection.providerId);
    if (group === undefined) groups.set(connection.providerId, [connection]);
    else group.push(connection);
  }
  return groups.values();
}

/** Brokers that see the same connections due begin with different ones. */
function shuffle(connections: readonly Connection[], random: () => number): Connection[] {
  return connections
    .map((connection) => ({ connection, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ connection }) => connection);
}
