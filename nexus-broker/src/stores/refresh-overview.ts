/** What an operator sees of the refresh engine; every figure is counted when it is asked for. */
import type { Instant } from '@nexus/core/clock';
import type { StoreContext } from './store-context.js';

export interface ClosestExpiry {
  readonly connectionRef: string;
  readonly providerId: string;
  /** Unix seconds. */
  readonly expiresAt: number;
}

interface OverviewInput {
  /** Unix milliseconds by the Broker's clock, which says when tokens are due. */
  readonly now: number;
  /** What nobody has read since is refreshed when it is read. */
  readonly readSince: Instant;
}

const closestCount = 5;

export function createRefreshOverview({ db, databaseNow }: StoreContext) {
  const selectRenewable = () =>
    db.selectFrom('connection').where('status', '=', 'active').where('has_refresh_token', '=', 1);
  return {
    /** Tokens in use that are past the moment at which the schedule wants to renew them. */
    async countBacklog({ now, readSince }: OverviewInput): Promise<number> {
      const row = await selectRenewable()
        .select((connection) => connection.fn.countAll<number>().as('count'))
        .where('refresh_after', '<=', now)
        .where('last_read_at', '>=', readSince)
        .executeTakeFirstOrThrow();
      return Number(row.count);
    },

    /** Grants whose last call has neither an outcome nor a living caller. */
    async countInDoubt(): Promise<number> {
      const row = await db
        .selectFrom('connection')
        .select((connection) => connection.fn.countAll<number>().as('count'))
        .where('status', '=', 'active')
        .where('intent_id', 'is not', null)
        .where((connection) =>
          connection.or([connection('lease_until', 'is', null), connection('lease_until', '<', databaseNow())]),
        )
        .executeTakeFirstOrThrow();
      return Number(row.count);
    },

    async countAttention(): Promise<Record<string, number>> {
      const rows = await db
        .selectFrom('connection')
        .select((connection) => ['reason', connection.fn.countAll<number>().as('count')])
        .where('status', '=', 'attention')
        .groupBy('reason')
        .execute();
      return Object.fromEntries(rows.map(({ reason, count }) => [reason ?? 'unknown', Number(count)]));
    },

    /** The tokens in use that end first. */
    async findClosest({ now, readSince }: OverviewInput): Promise<ClosestExpiry[]> {
      const rows = await selectRenewable()
        .select(['connection_ref', 'provider_id', 'access_expires_at'])
        .where('access_expires_at', '>', Math.floor(now / 1_000))
        .where('last_read_at', '>=', readSince)
        .orderBy('access_expires_at')
        .limit(closestCount)
        .execute();
      return rows.map((row) => ({
        connectionRef: row.connection_ref,
        providerId: row.provider_id,
        expiresAt: row.access_expires_at ?? 0,
      }));
    },
  };
}
