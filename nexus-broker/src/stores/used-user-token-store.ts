/** Remembers user tokens that opened a session until they expire by themselves, so that none opens a second one. */
import type { Instant } from '@nexus/core/clock';
import type { StoreContext } from './store-context.js';

export function createUsedUserTokenStore({ db, databaseNow }: StoreContext) {
  return {
    /** False for a token that was spent before; of any number of callers at once exactly one spends it. */
    async spend(replayKey: string, expiresAt: Instant): Promise<boolean> {
      const result = await db
        .insertInto('used_user_token')
        .values({ replay_key: replayKey, expires_at: expiresAt })
        .onConflict((conflict) => conflict.column('replay_key').doNothing())
        .executeTakeFirst();
      return result.numInsertedOrUpdatedRows === 1n;
    },

    /** Keeps them a while longer than they live, for clocks that differ. */
    async deleteExpired(input: { readonly secondsAgo: number; readonly limit: number }): Promise<number> {
      const old = db
        .selectFrom('used_user_token')
        .select('replay_key')
        .where('expires_at', '<', databaseNow(-input.secondsAgo))
        .limit(input.limit);
      const result = await db.deleteFrom('used_user_token').where('replay_key', 'in', old).executeTakeFirst();
      return Number(result.numDeletedRows);
    },
  };
}
