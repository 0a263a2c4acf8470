/** Breakers of token endpoints: open after failures, and tried by one call at a time over all Brokers. */
import { sql } from 'kysely';
import { windowCalls } from './call-pace-admissions.js';
import { isOrigin } from './call-pace-key.js';
import { hasWon, type StoreContext } from './store-context.js';

const failuresInRow = 5;

export function createBreakers({ db, databaseNow }: StoreContext) {
  return {
    /** One call may try whether the open breaker can be closed; the next may after `againInMs`. */
    async takeProbe(origin: string, againInMs: number): Promise<boolean> {
      const result = await db
        .updateTable('call_pace')
        .set({ probe_after: databaseNow(againInMs / 1_000), next_call_at: databaseNow(1), updated_at: databaseNow() })
        .where(isOrigin(origin))
        .where('opened_at', 'is not', null)
        .where('probe_after', '<=', databaseNow())
        .where((pace) => pace.or([pace('next_call_at', 'is', null), pace('next_call_at', '<=', databaseNow())]))
        .executeTakeFirst();
      return hasWon(result);
    },

    /** Counts a failed call; true when it opened the breaker. */
    async noteFailure(origin: string, probeInMs: number): Promise<boolean> {
      const opens = sql`failures + 1 >= ${sql.lit(failuresInRow)}
        or window_failures + 1 >= ${sql.lit(windowCalls / 2)}`;
      const row = await db
        .updateTable('call_pace')
        .set((pace) => ({
          failures: pace('failures', '+', 1),
          window_failures: pace('window_failures', '+', 1),
          opened_at: sql`case when ${opens} then ${databaseNow()} end`,
          probe_after: sql`case when ${opens} then ${databaseNow(probeInMs / 1_000)} end`,
          updated_at: databaseNow(),
        }))
        .where(isOrigin(origin))
        .where('opened_at', 'is', null)
        .returning('opened_at')
        .executeTakeFirst();
      return (row?.opened_at ?? null) !== null;
    },

    /** After an answer that shows that the endpoint works: closes the breaker and forgets the failures before. */
    async noteSuccess(origin: string): Promise<void> {
      const isOpen = sql`opened_at is not null`;
      await db
        .updateTable('call_pace')
        .set({
          failures: 0,
          opened_at: null,
          probe_after: null,
          closed_at: sql`case when ${isOpen} then ${databaseNow()} else closed_at end`,
          window_calls: sql`case when ${isOpen} then 0 else window_calls end`,
          window_failures: sql`case when ${isOpen} then 0 else window_failures end`,
          updated_at: databaseNow(),
        })
        .where(isOrigin(origin))
        .where((pace) => pace.or([pace('opened_at', 'is not', null), pace('failures', '>', 0)]))
        .execute();
    },

    /** No call for so long: what a provider asks for when it is called too often. */
    async delay(origin: string, seconds: number): Promise<void> {
      const later = databaseNow(seconds);
      await db
        .updateTable('call_pace')
        .set({
          next_call_at: sql`case when next_call_at > ${later} then next_call_at else ${later} end`,
          updated_at: databaseNow(),
        })
        .where(isOrigin(origin))
        .execute();
    },
  };
}
