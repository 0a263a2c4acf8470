/**
 * How often token endpoints may be asked, over all Brokers. Every decision is one conditional statement by the
 * database's clock, and everything it sets runs out by itself: a Broker that dies in a call blocks nobody.
 */
import { type Instant, toEpochMs } from '@nexus/core/clock';
import { sql } from 'kysely';
import { createAdmissions } from './call-pace-admissions.js';
import { createBreakers } from './call-pace-breakers.js';
import { createComplaints } from './call-pace-complaints.js';
import { type CallTarget, originPrefix, ratePrefix, readRateProvider, stopPrefix, toRateKey } from './call-pace-key.js';
import { createStops } from './call-pace-stops.js';
import type { StoreContext } from './store-context.js';

/** What keeps calls from being made. Waits are in ms by the database's clock, 0 where they are over. */
export interface PaceState {
  readonly rateWaitMs: number;
  /** Until a call may try whether an open breaker can be closed; null while it is closed. */
  readonly probeWaitMs: number | null;
  /** Until a call may try whether the client is accepted again; null where the provider is not stopped. */
  readonly stopWaitMs: number | null;
}

export interface PaceEntry {
  /** `origin:<origin>` for a breaker, `provider:<id>` for a stop. */
  readonly key: string;
  readonly state: 'closed' | 'open' | 'stopped';
  /** Since when it is open or stopped, or when it closed last. */
  readonly since: Instant | null;
  readonly retryAt: Instant | null;
}

/** Where no call has a chance for now. */
export interface BlockedCalls {
  readonly origins: readonly string[];
  readonly providerIds: readonly string[];
}

/** A turn that comes sooner is worth waiting for. */
const longWaitSeconds = 2;

export type CallPaceStore = ReturnType<typeof createCallPaceStore>;

export function createCallPaceStore(context: StoreContext) {
  return {
    ...createAdmissions(context),
    ...createBreakers(context),
    ...createComplaints(context),
    ...createStops(context),
    findState: (target: CallTarget): Promise<PaceState> => findState(context, target),
    list: (): Promise<PaceEntry[]> => list(context),
    listBlocked: (): Promise<BlockedCalls> => listBlocked(context),
  };
}

async function findState({ db, databaseNow }: StoreContext, target: CallTarget): Promise<PaceState> {
  const rows = await db
    .selectFrom('call_pace')
    .select(['pace_key', 'next_call_at', 'opened_at', 'probe_after', 'stopped_version', databaseNow().as('now')])
    .where('pace_key', 'in', [originPrefix + target.origin, stopPrefix + target.providerId, toRateKey(target)])
    .execute();
  const origin = rows.find((row) => row.pace_key.startsWith(originPrefix));
  const rate = rows.find((row) => row.pace_key.startsWith(ratePrefix));
  const stop = rows.find((row) => row.stopped_version === target.profileVersion);
  const isOpen = origin !== undefined && origin.opened_at !== null;
  return {
    rateWaitMs: rate === undefined ? 0 : msUntil(rate.now, rate.next_call_at),
    probeWaitMs: isOpen ? msUntil(origin.now, origin.probe_after) : null,
    stopWaitMs: stop === undefined ? null : msUntil(stop.now, stop.probe_after),
  };
}

function msUntil(now: Instant, then: Instant | null): number {
  return then === null ? 0 : Math.max(0, toEpochMs(then) - toEpochMs(now));
}

async function list({ db }: StoreContext): Promise<PaceEntry[]> {
  const rows = await db
    .selectFrom('call_pace')
    .select(['pace_key', 'opened_at', 'closed_at', 'probe_after', 'stopped_version'])
    .where(sql<boolean>`substr(pace_key, 1, ${sql.lit(ratePrefix.length)}) <> ${ratePrefix}`)
    .orderBy('pace_key')
    .execute();
  return rows.map((row) => ({
    key: row.pace_key,
    state: row.stopped_version !== null ? 'stopped' : row.opened_at !== null ? 'open' : 'closed',
    since: row.opened_at ?? row.closed_at,
    retryAt: row.opened_at === null ? null : row.probe_after,
  }));
}

async function listBlocked({ db, databaseNow }: StoreContext): Promise<BlockedCalls> {
  const rows = await db
    .selectFrom('call_pace')
    .leftJoin('provider', (join) =>
      join
        .on('provider.provider_id', '=', sql`substr(call_pace.pace_key, ${sql.lit(stopPrefix.length + 1)})`)
        .onRef('provider.version', '=', 'call_pace.stopped_version'),
    )
    .select(['pace_key', 'provider_id'])
    .where((pace) =>
      pace.or([
        pace.and([pace('opened_at', 'is not', null), pace('probe_after', '>', databaseNow())]),
        pace('next_call_at', '>', databaseNow(longWaitSeconds)),
      ]),
    )
    .execute();
  const keys = rows.map((row) => row.pace_key);
  return {
    origins: keys.filter((key) => key.startsWith(originPrefix)).map((key) => key.slice(originPrefix.length)),
    providerIds: [
      ...rows.flatMap(({ provider_id }) => provider_id ?? []),
      ...keys.filter((key) => key.startsWith(ratePrefix)).map(readRateProvider),
    ],
  };
}
