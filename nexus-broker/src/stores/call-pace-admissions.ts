/** The rate of calls: one update that only the next in turn can make, whichever Broker it is in. */
import { type Instant, toEpochMs } from '@nexus/core/clock';
import { type RawBuilder, sql } from 'kysely';
import { largestBatch } from '../domain/call-rate.js';
import { type CallTarget, originPrefix, stopPrefix } from './call-pace-key.js';
import type { StoreContext } from './store-context.js';

export interface AdmitInput extends CallTarget {
  /** Whoever tries whether a stop still holds passes it. */
  readonly ignoresStop: boolean;
  readonly callsPerSecond: number;
  /** How many calls of this Broker wait for their turn; they may get it together. */
  readonly permits: number;
}

export interface Admission {
  readonly permits: number;
  /** Failures in a row before these calls. */
  readonly failures: number;
  /** Until the next call may come. */
  readonly waitMs: number;
}

const rampStepSeconds = 2;
/** Calls after which the share of failures is counted anew. */
export const windowCalls = 20;

export function createAdmissions(context: StoreContext) {
  return {
    /** Null while the breaker is open, the provider is stopped, or the next call is not due. */
    admit: (input: AdmitInput): Promise<Admission | null> => admit(context, input),
  };
}

async function admit(context: StoreContext, input: AdmitInput): Promise<Admission | null> {
  const { db, databaseNow } = context;
  const { permits } = input;
  const isWindowOver = sql`call_pace.window_calls >= ${sql.lit(windowCalls)}`;
  const row = await db
    .insertInto('call_pace')
    .values({
      pace_key: originPrefix + input.origin,
      next_call_at: atFullRate(context, input),
      failures: 0,
      window_calls: permits,
      window_failures: 0,
      updated_at: databaseNow(),
    })
    .onConflict((conflict) =>
      conflict
        .column('pace_key')
        .doUpdateSet({
          next_call_at: afterThese(context, input),
          window_calls: sql`case when ${isWindowOver} then 0 else call_pace.window_calls end + ${sql.lit(permits)}`,
          window_failures: sql`case when ${isWindowOver} then 0 else call_pace.window_failures end`,
          updated_at: databaseNow(),
        })
        .where('call_pace.opened_at', 'is', null)
        .where((pace) =>
          pace.or([pace('call_pace.next_call_at', 'is', null), pace('call_pace.next_call_at', '<=', databaseNow())]),
        )
        .where((pace) => (input.ignoresStop ? sql.lit(true) : pace.not(pace.exists(findStop(context, input))))),
    )
    .returning(['failures', 'closed_at', 'next_call_at', 'updated_at'])
    .executeTakeFirst();
  if (row === undefined) return null;
  const nowMs = toEpochMs(row.updated_at);
  const rampMs = rampSteps(input.callsPerSecond) * rampStepSeconds * 1_000;
  const isRamping = row.closed_at !== null && nowMs - toEpochMs(row.closed_at) < rampMs;
  const waitMs = row.next_call_at === null ? 0 : Math.max(0, toEpochMs(row.next_call_at) - nowMs);
  return { permits: isRamping ? 1 : permits, failures: row.failures, waitMs };
}

function findStop({ db }: StoreContext, { providerId, profileVersion }: CallTarget) {
  return db
    .selectFrom('call_pace as stop')
    .select('stop.pace_key')
    .where('stop.pace_key', '=', stopPrefix + providerId)
    .where('stop.stopped_version', '=', profileVersion);
}

/** When the next call may come. After a breaker closed, the rate begins at one a second and doubles step by step. */
function afterThese(context: StoreContext, input: AdmitInput): RawBuilder<Instant> {
  const { databaseNow } = context;
  const usual = atFullRate(context, input);
  const steps = Array.from({ length: rampSteps(input.callsPerSecond) }, (_, step) => {
    const since = databaseNow(-rampStepSeconds * (step + 1));
    return sql`when call_pace.closed_at > ${since} then ${databaseNow(1 / 2 ** step)}`;
  });
  return steps.length === 0 ? usual : sql`case ${sql.join(steps, sql` `)} else ${usual} end`;
}

/** Of batches of any sizes no second then sees more than the rate. */
function atFullRate({ databaseNow }: StoreContext, { callsPerSecond, permits }: AdmitInput): RawBuilder<Instant> {
  const pauseMs = Math.ceil((1_000 * permits) / (callsPerSecond - largestBatch(callsPerSecond) + 1));
  return databaseNow(pauseMs / 1_000);
}

function rampSteps(callsPerSecond: number): number {
  return Math.ceil(Math.log2(callsPerSecond));
}
