/** Breakers of token endpoints: open after failures, and tried by one call at a time over all Brokers. */
import { sql } from 'kysely';
import { windowCalls } from './call-pace-admissions.js';
import { type CallTarget, isOrigin, isRate, isRateOf, originPrefix, toRateKey } from './call-pace-key.js';
import { hasWon, type StoreContext } from './store-context.js';

const failuresInRow = 5;

export function createBreakers(context: StoreContext) {
  const { db, databaseNow } = context;
  return {
    /** One call may try whether the open breaker can be closed; the next may after `againInMs`. */
    async takeProbe(target: CallTarget, againInMs: number): Promise<boolean> {
      // Rates before breakers, as everywhere: two that lock them in different orders could wait for each other.
      const next = { next_call_at: databaseNow(1), updated_at: databaseNow() };
      const turn = await db
        .insertInto('call_pace')
        .values({ pace_key: toRateKey(target), failures: 0, window_calls: 0, window_failures: 0, ...next })
        .onConflict((conflict) =>
          conflict
            .column('pace_key')
            .doUpdateSet(next)
            .where((pace) =>
              pace.or([
                pace('call_pace.next_call_at', 'is', null),
                pace('call_pace.next_call_at', '<=', databaseNow()),
              ]),
            ),
        )
        .executeTakeFirst();
      if (turn.numInsertedOrUpdatedRows !== 1n) return false;
      const result = await db
        .updateTable('call_pace')
        .set({ probe_after: databaseNow(againInMs / 1_000), updated_at: databaseNow() })
        .where(isOrigin(target.origin))
        .where('opened_at', 'is not', null)
        .where('probe_after', '<=', databaseNow())
        .executeTakeFirst();
      return hasWon(result);
    },

    /** Counts a failed call; true when it opened the breaker. */
    noteFailure: (target: CallTarget, probeInMs: number): Promise<boolean> => noteFailure(context, target, probeInMs),

    /** After an answer that shows that the endpoint works: closes the breaker and forgets the failures before. */
    async noteSuccess(origin: string): Promise<void> {
      const openBreaker = db
        .selectFrom('call_pace as breaker')
        .select('breaker.pace_key')
        .where('breaker.pace_key', '=', originPrefix + origin)
        .where('breaker.opened_at', 'is not', null);
      await db
        .updateTable('call_pace')
        .set({ window_calls: 0, window_failures: 0 })
        .where(isRateOf(origin))
        .where(({ exists }) => exists(openBreaker))
        .execute();
      await db
        .updateTable('call_pace')
        .set({
          failures: 0,
          opened_at: null,
          probe_after: null,
          closed_at: sql`case when opened_at is not null then ${databaseNow()} else closed_at end`,
          updated_at: databaseNow(),
        })
        .where(isOrigin(origin))
        .where((pace) => pace.or([pace('opened_at', 'is not', null), pace('failures', '>', 0)]))
        .execute();
    },
  };
}

async function noteFailure({ db, databaseNow }: StoreContext, target: CallTarget, probeInMs: number): Promise<boolean> {
  const rate = await db
    .updateTable('call_pace')
    .set((pace) => ({ window_failures: pace('window_failures', '+', 1) }))
    .where(isRate(target))
    .returning('window_failures')
    .executeTakeFirst();
  const isShareReached = Number(rate?.window_failures ?? 0) >= windowCalls / 2;
  const opens = isShareReached ? sql`1 = 1` : sql`call_pace.failures + 1 >= ${sql.lit(failuresInRow)}`;
  const key = { pace_key: originPrefix + target.origin, window_calls: 0, window_failures: 0 };
  const row = await db
    .insertInto('call_pace')
    .values({ ...key, failures: 1, updated_at: databaseNow() })
    .onConflict((conflict) =>
      conflict
        .column('pace_key')
        .doUpdateSet((pace) => ({
          failures: pace('call_pace.failures', '+', 1),
          opened_at: sql`case when ${opens} then ${databaseNow()} end`,
          probe_after: sql`case when ${opens} then ${databaseNow(probeInMs / 1_000)} end`,
          updated_at: databaseNow(),
        }))
        .where('call_pace.opened_at', 'is', null),
    )
    .returning('opened_at')
    .executeTakeFirst();
  return (row?.opened_at ?? null) !== null;
}
