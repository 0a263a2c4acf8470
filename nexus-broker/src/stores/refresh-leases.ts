/** One refresh per connection at a time, over all Brokers: a lease by the database's clock, won by one update. */
import { toEpochMs } from '@nexus/core/clock';
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
  /** Null lets the next narrowing come at any time; refreshes have an interval of their own. */
  readonly nextAttemptInSeconds: number | null;
  readonly failed: boolean;
}

/** What earlier calls to the provider leave for the next one. */
export interface AttemptState {
  /** Until the next narrowing may come; 0 when it may come now. */
  readonly waitSeconds: number;
  /** Failed calls since the last one that did not fail. */
  readonly failures: number;
}

/** As after a call whose answer was lost: the holder may have spent the refresh token before it died. */
const pauseAfterDeathSeconds = 30;

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

    /** Null for a connection that does not exist. */
    async findAttemptState(connectionRef: string): Promise<AttemptState | null> {
      const row = await db
        .selectFrom('connection')
        .select(['next_attempt_at', 'fail_count', databaseNow().as('now')])
        .where('connection_ref', '=', connectionRef)
        .executeTakeFirst();
      if (row === undefined) return null;
      const waitMs = row.next_attempt_at === null ? 0 : toEpochMs(row.next_attempt_at) - toEpochMs(row.now);
      return { waitSeconds: Math.max(0, Math.ceil(waitMs / 1_000)), failures: Number(row.fail_count) };
    },

    /** For the start of the only Broker of a database: whoever held a lease before is dead. */
    async clearRefreshLeases(): Promise<void> {
      await db
        .updateTable('connection')
        .set({ ...noLease, next_attempt_at: databaseNow(pauseAfterDeathSeconds) })
        .where('lease_until', 'is not', null)
        .execute();
    },

    /** Lets nobody store anything until the transaction ends, whoever has the lease and in whatever status it is. */
    async holdRow(connectionRef: string): Promise<void> {
      await db
        .updateTable('connection')
        .set((connection) => ({ version: connection.ref('version') }))
        .where('connection_ref', '=', connectionRef)
        .execute();
    },

    /** Does nothing when another owner has the lease by now. */
    async releaseRefreshLease(input: ReleaseInput): Promise<void> {
      const next = input.nextAttemptInSeconds;
      await db
        .updateTable('connection')
        .set((connection) => ({
          ...noLease,
          next_attempt_at: next === null ? null : databaseNow(next),
          fail_count: input.failed ? connection('fail_count', '+', 1) : 0,
        }))
        .where('connection_ref', '=', input.connectionRef)
        .where('lease_owner', '=', input.owner)
        .execute();
    },
  };
}
