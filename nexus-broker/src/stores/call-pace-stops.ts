/** Providers that refuse our client: no grant is to blame, and no call helps until an admin mends the profile. */
import { type CallTarget, isStop, stopPrefix } from './call-pace-key.js';
import { hasWon, type StoreContext } from './store-context.js';

export function createStops({ db, databaseNow }: StoreContext) {
  return {
    /** Holds until the profile has another version or `resume`; true when it was not stopped before. */
    async stop({ providerId, profileVersion }: CallTarget, probeInSeconds: number): Promise<boolean> {
      const values = {
        opened_at: databaseNow(),
        probe_after: databaseNow(probeInSeconds),
        stopped_version: profileVersion,
        updated_at: databaseNow(),
      };
      const result = await db
        .insertInto('call_pace')
        .values({ pace_key: stopPrefix + providerId, failures: 0, window_calls: 0, window_failures: 0, ...values })
        .onConflict((conflict) =>
          conflict
            .column('pace_key')
            .doUpdateSet(values)
            .where((pace) =>
              pace.or([
                pace('call_pace.stopped_version', 'is', null),
                pace('call_pace.stopped_version', '<', profileVersion),
              ]),
            ),
        )
        .executeTakeFirst();
      return result.numInsertedOrUpdatedRows === 1n;
    },

    /** One call may try whether the client is accepted again; the next may after `againInSeconds`. */
    async takeStopProbe({ providerId, profileVersion }: CallTarget, againInSeconds: number): Promise<boolean> {
      const result = await db
        .updateTable('call_pace')
        .set({ probe_after: databaseNow(againInSeconds), updated_at: databaseNow() })
        .where(isStop(providerId))
        .where('stopped_version', '=', profileVersion)
        .where('probe_after', '<=', databaseNow())
        .executeTakeFirst();
      return hasWon(result);
    },

    async resume(providerId: string): Promise<boolean> {
      const result = await db
        .updateTable('call_pace')
        .set({ stopped_version: null, opened_at: null, probe_after: null, closed_at: databaseNow() })
        .where(isStop(providerId))
        .where('stopped_version', 'is not', null)
        .executeTakeFirst();
      return hasWon(result);
    },
  };
}
