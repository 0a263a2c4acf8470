/** The rate of calls: one update that only the next in turn can make, whichever Broker it is in. */
import { type Instant, toEpochMs } from '@nexus/core/clock';
import { type RawBuilder, sql } from 'kysely';
import { largestBatch } from '../domain/call-rate.js';
import { type CallTarget, originPrefix, stopPrefix, toRateKey } from './call-pace-key.js';
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
  /** Whether the provider complained about a connection, and served none since. */
  readonly isSuspected: boolean;
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
  const columns = ['pace_key', 'next_call_at', 'failures', 'window_calls', 'window_failures', 'updated_at'] as const;
  const breaker = <T>(column: 'failures' | 'closed_at') =>
    sql<T>`(select ${sql.ref(`breaker.${column}`)} from call_pace as breaker where ${isBreaker(input)})`;
  const row = await db
    .insertInto('call_pace')
    .columns([...columns])
    .expression(
      db
        .selectNoFrom([
          sql<string>`${toRateKey(input)}`.as('pace_key'),
          afterThese(context, input).as('next_call_at'),
          sql.lit(0).as('failures'),
          sql.lit(permits).as('window_calls'),
          sql.lit(0).as('window_failures'),
          databaseNow().as('updated_at'),
        ])
        .where(({ not, exists }) => not(exists(findObstacle(context, input)))),
    )
    .onConflict((conflict) =>
      conflict
        .column('pace_key')
        .doUpdateSet({
          next_call_at: afterThese(context, input),
          window_calls: sql`case when ${isWindowOver} then 0 else call_pace.window_calls end + ${sql.lit(permits)}`,
          window_failures: sql`case when ${isWindowOver} then 0 else call_pace.window_failures end`,
          updated_at: databaseNow(),
        })
        .where((pace) =>
          pace.or([pace('call_pace.next_call_at', 'is', null), pace('call_pace.next_call_at', '<=', databaseNow())]),
        ),
    )
    .returning([
      'next_call_at',
      'updated_at',
      breaker<number | null>('failures').as('failed'),
      breaker<Instant | null>('closed_at').as('closed'),
      sql<string | null>`coalesce(suspect, ${findSuspect(input)})`.as('suspected'),
    ])
    .executeTakeFirst();
  if (row === undefined) return null;
  const nowMs = toEpochMs(row.updated_at);
  const rampMs = rampSteps(input.callsPerSecond) * rampStepSeconds * 1_000;
  const isRamping = row.closed !== null && nowMs - toEpochMs(row.closed) < rampMs;
  return {
    permits: isRamping ? 1 : permits,
    failures: Number(row.failed ?? 0),
    isSuspected: row.suspected !== null,
    waitMs: row.next_call_at === null ? 0 : Math.max(0, toEpochMs(row.next_call_at) - nowMs),
  };
}

const isBreaker = ({ origin }: CallTarget) => sql`breaker.pace_key = ${originPrefix + origin}`;

function findSuspect({ providerId }: CallTarget): RawBuilder<string | null> {
  return sql`(select stop.suspect from call_pace as stop where stop.pace_key = ${stopPrefix + providerId})`;
}

/** An open breaker of the endpoint, or a stop of the provider. */
function findObstacle({ db }: StoreContext, { origin, providerId, profileVersion, ignoresStop }: AdmitInput) {
  return db
    .selectFrom('call_pace as obstacle')
    .select('obstacle.pace_key')
    .where(({ and, eb, or }) => {
      const isOpen = and([
        eb('obstacle.pace_key', '=', originPrefix + origin),
        eb('obstacle.opened_at', 'is not', null),
      ]);
      if (ignoresStop) return isOpen;
      const isStopped = eb('obstacle.pace_key', '=', stopPrefix + providerId);
      return or([isOpen, and([isStopped, eb('obstacle.stopped_version', '=', profileVersion)])]);
    });
}

/** When the next call may come. After a breaker closed, the rate begins at one a second and doubles step by step. */
function afterThese(context: StoreContext, input: AdmitInput): RawBuilder<Instant> {
  const { databaseNow } = context;
  const usual = atFullRate(context, input);
  const steps = Array.from({ length: rampSteps(input.callsPerSecond) }, (_, step) => {
    const since = databaseNow(-rampStepSeconds * (step + 1));
    return sql`when breaker.closed_at > ${since} then ${databaseNow(1 / 2 ** step)}`;
  });
  if (steps.length === 0) return usual;
  const ramp = sql`case ${sql.join(steps, sql` `)} end`;
  return sql`coalesce((select ${ramp} from call_pace as breaker where ${isBreaker(input)}), ${usual})`;
}

/** Of batches of any sizes no second then sees more than the rate. */
function atFullRate({ databaseNow }: StoreContext, { callsPerSecond, permits }: AdmitInput): RawBuilder<Instant> {
  const pauseMs = Math.ceil((1_000 * permits) / (callsPerSecond - largestBatch(callsPerSecond) + 1));
  return databaseNow(pauseMs / 1_000);
}

function rampSteps(callsPerSecond: number): number {
  return Math.ceil(Math.log2(callsPerSecond));
}
