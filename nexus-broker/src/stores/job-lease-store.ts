/** Leases on work that one Broker does for all, by the database's clock. */
import { hasWon, type StoreContext } from './store-context.js';

export interface LeaseInput {
  readonly name: string;
  readonly owner: string;
  readonly seconds: number;
}

export function createJobLeaseStore({ db, databaseNow }: StoreContext) {
  return {
    /** Takes a lease that is free or has run out, or renews the owner's own; of any number of callers one wins. */
    async acquire({ name, owner, seconds }: LeaseInput): Promise<boolean> {
      const result = await db
        .insertInto('job_lease')
        .values({ name, owner, until: databaseNow(seconds) })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet({ owner, until: databaseNow(seconds) })
            .where((lease) =>
              lease.or([
                lease('job_lease.owner', '=', owner),
                lease('job_lease.until', 'is', null),
                lease('job_lease.until', '<', databaseNow()),
              ]),
            ),
        )
        .executeTakeFirst();
      return result.numInsertedOrUpdatedRows === 1n;
    },

    /** Does nothing when another owner has the lease by now. */
    async release(name: string, owner: string): Promise<boolean> {
      const result = await db
        .updateTable('job_lease')
        .set({ owner: null, until: null })
        .where('name', '=', name)
        .where('owner', '=', owner)
        .executeTakeFirst();
      return hasWon(result);
    },

    /** For the start of the only Broker of a database: whoever held one is dead. */
    async releaseAll(): Promise<void> {
      await db.updateTable('job_lease').set({ owner: null, until: null }).execute();
    },
  };
}
