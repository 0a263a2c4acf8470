/**
 * What a provider says against a call. As long as it says so to one connection only, the others are hardly held back:
 * it may mean the grant, and not our client.
 */
import { sql } from 'kysely';
import { type CallTarget, isRate, isStop, stopPrefix, suspectPrefix, toSuspect } from './call-pace-key.js';
import type { StoreContext } from './store-context.js';

const longestForOneSeconds = 30;

export function createComplaints(context: StoreContext) {
  const { db, databaseNow } = context;
  return {
    /** No call for so long; for 30 s at most while it is said to one connection, and none is served. */
    async delay(target: CallTarget, seconds: number): Promise<void> {
      const suspect = toSuspect(target);
      const short = databaseNow(Math.min(seconds, longestForOneSeconds));
      const later = sql`case when suspect <> ${suspect} then ${databaseNow(seconds)} else ${short} end`;
      await db
        .updateTable('call_pace')
        .set({
          next_call_at: sql`case when next_call_at > ${later} then next_call_at else ${later} end`,
          suspect,
          updated_at: databaseNow(),
        })
        .where(isRate(target))
        .execute();
    },

    /**
     * Our client was refused. The second connection that is told so, with none served between, stops the provider until
     * the profile has another version or `resume`. Null where this says nothing new.
     */
    noteRefusal: (target: CallTarget, probeInSeconds: number) => noteRefusal(context, target, probeInSeconds),

    /** After a call that was served: what was said to others was about them. */
    async clearSuspicion(target: CallTarget): Promise<void> {
      const clear = () => db.updateTable('call_pace').set({ suspect: null }).where('suspect', 'is not', null);
      await clear().where(isRate(target)).execute();
      await clear()
        .where(isStop(target.providerId))
        .where((pace) =>
          pace.or([pace('stopped_version', 'is', null), pace('stopped_version', '<>', target.profileVersion)]),
        )
        .execute();
    },
  };
}

async function noteRefusal(
  { db, databaseNow }: StoreContext,
  target: CallTarget,
  probeInSeconds: number,
): Promise<'suspected' | 'stopped' | null> {
  const { profileVersion, providerId } = target;
  const suspect = toSuspect(target);
  const prefix = suspectPrefix(profileVersion);
  const isSecond = sql`substr(call_pace.suspect, 1, ${sql.lit(prefix.length)}) = ${prefix}`;
  const isNew = sql`coalesce(call_pace.stopped_version, 0) < ${sql.lit(profileVersion)}`;
  const stops = sql`${isSecond} and ${isNew}`;
  const row = await db
    .insertInto('call_pace')
    .values({
      pace_key: stopPrefix + providerId,
      failures: 1,
      window_calls: 0,
      window_failures: 0,
      suspect,
      updated_at: databaseNow(),
    })
    .onConflict((conflict) =>
      conflict
        .column('pace_key')
        .doUpdateSet({
          failures: sql`case when ${isSecond} then call_pace.failures + 1 else 1 end`,
          stopped_version: sql`case when ${stops} then ${sql.lit(profileVersion)} else call_pace.stopped_version end`,
          opened_at: sql`case when ${stops} then ${databaseNow()} else call_pace.opened_at end`,
          probe_after: sql`case when ${stops} then ${databaseNow(probeInSeconds)} else call_pace.probe_after end`,
          suspect,
          updated_at: databaseNow(),
        })
        .where((pace) =>
          pace.and([
            pace.or([pace('call_pace.suspect', 'is', null), pace('call_pace.suspect', '<>', suspect)]),
            sql<boolean>`coalesce(call_pace.stopped_version, 0) <= ${sql.lit(profileVersion)}`,
          ]),
        ),
    )
    .returning('failures')
    .executeTakeFirst();
  const connections = Number(row?.failures ?? 0);
  if (connections === 1) return 'suspected';
  return connections === 2 ? 'stopped' : null;
}
