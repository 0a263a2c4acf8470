/** Providers that refuse our client: no grant is to blame, and no call helps until an admin mends the profile. */
import { type CallTarget, isStop, toSuspect } from './call-pace-key.js';
import { hasWon, type StoreContext } from './store-context.js';

export function createStops({ db, databaseNow }: StoreContext) {
  return {
    /**
     * One call may try whether the client is accepted again; the next may after `againInSeconds`. The connection that was
     * refused last lets others try before it.
     */
    async takeStopProbe(target: CallTarget, againInSeconds: number): Promise<boolean> {
      const { providerId, profileVersion } = target;
      const result = await db
        .updateTable('call_pace')
        .set({ probe_after: databaseNow(againInSeconds), updated_at: databaseNow() })
        .where(isStop(providerId))
        .where('stopped_version', '=', profileVersion)
        .where('probe_after', '<=', databaseNow())
        .where((pace) =>
          pace.or([
            pace('suspect', 'is', null),
            pace('suspect', '<>', toSuspect(target)),
            pace('probe_after', '<=', databaseNow(-againInSeconds)),
          ]),
        )
        .executeTakeFirst();
      return hasWon(result);
    },

    async resume(providerId: string): Promise<boolean> {
      const result = await db
        .updateTable('call_pace')
        .set({ stopped_version: null, opened_at: null, probe_after: null, closed_at: databaseNow(), suspect: null })
        .where(isStop(providerId))
        .where('stopped_version', 'is not', null)
        .executeTakeFirst();
      return hasWon(result);
    },
  };
}
