/** One refresh per connection at a time, over all Brokers: a lease by the database's clock, won by one update. */
import { noLease } from './connection-row.js';
import { hasWon, type StoreContext } from './store-context.js';

export interface ClaimInput {
  readonly connectionRef: string;
  readonly expectedVersion: number;
  readonly owner: string;
  readonly intentId: string;
  readonly leaseSeconds: number;
}

export interface ReleaseInput {
  readonly connectionRef: string;
  readonly owner: string;
  /** Null lets the next attempt come at any time. */
  readonly nextAttemptInSeconds: number | null;
  readonly failed: boolean;
}

export function createRefreshLeases({ db, databaseNow }: StoreContext) {
  return {
    async claimRefreshLease(input: ClaimInput): Promise<boolean> {
      const result = await db
        .updateTable('connection')
        .set((connection) => ({
          lease_owner: input.owner,
          lease_epoch: connection('lease_epoch', '+', 1),
          lease_until: databaseNow(input.leaseSeconds),
          intent_id: input.intentId,
          intent_started: databaseNow(),
        }))
        .where('connection_ref', '=', input.connectionRef)
        .where('version', '=', input.expectedVersion)
        .where('status', '=', 'active')
        .where((connection) =>
          connection.or([connection('lease_until', 'is', null), connection('lease_until', '<', databaseNow())]),
        )
        .executeTakeFirst();
      return hasWon(result);
    },

    /** For the start of the only Broker of a database: whoever held a lease before is dead. */
    async clearRefreshLeases(): Promise<void> {
      await db.updateTable('connection').set(noLease).where('lease_until', 'is not', null).execute();
    },

    /** Does nothing when another owner has the lease by now. */
    async releaseRefreshLease(input: ReleaseInput): Promise<void> {
      const next = input.nextAttemptInSeconds;
      await db
        .updateTable('connection')
        .set((connection) => ({
          ...noLease,
          next_attempt_at: next === null ? null : databaseNow(next),
          ...(input.failed ? { fail_count: connection('fail_count', '+', 1) } : {}),
        }))
        .where('connection_ref', '=', input.connectionRef)
        .where('lease_owner', '=', input.owner)
        .execute();
    },
  };
}
