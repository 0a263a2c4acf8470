/** Which connections are worth a refresh that nobody asks for right now. */
import type { Instant } from '@nexus/core/clock';
import { sql } from 'kysely';
import type { Connection } from '../domain/connection.js';
import type { BlockedCalls } from './call-pace-store.js';
import { connectionColumns, toConnection } from './connection-row.js';
import type { StoreContext } from './store-context.js';

export interface DueInput {
  /** Unix milliseconds by the Broker's clock, which says when tokens are due. */
  readonly now: number;
  readonly readSince: Instant;
  /** Where calls have no chance, or are under way already. */
  readonly except: BlockedCalls;
  readonly limit: number;
}

export interface PutOffInput {
  readonly connectionRef: string;
  /** As they were seen. */
  readonly intentId: string | null;
  readonly leaseEpoch: number;
  readonly seconds: number;
}

export interface IdleInput {
  readonly providerId: string;
  readonly lastOkBefore: Instant;
  readonly limit: number;
}

/** Nothing refreshes a token more often, unless a reader waits for it. */
const callIntervalSeconds = 30;

export function createDueConnections({ db, databaseNow }: StoreContext) {
  const selectFree = () =>
    db
      .selectFrom('connection')
      .select('connection_ref')
      // Spelt out, because a partial index serves only statements that say so themselves.
      .where('status', '=', sql.lit('active'))
      .where('has_refresh_token', '=', sql.lit(1))
      .where((connection) =>
        connection.and([
          connection.or([
            connection('next_attempt_at', 'is', null),
            connection('next_attempt_at', '<=', databaseNow()),
          ]),
          connection.or([connection('lease_until', 'is', null), connection('lease_until', '<', databaseNow())]),
          connection.or([
            // The answer to the last call was lost; asking again soon is what may still find it.
            connection('intent_id', 'is not', null),
            connection('last_call_at', 'is', null),
            connection('last_call_at', '<=', databaseNow(-callIntervalSeconds)),
          ]),
        ]),
      );
  const load = async (refs: ReturnType<typeof selectFree>): Promise<Connection[]> => {
    const rows = await db
      .selectFrom('connection')
      .select(connectionColumns)
      .where('connection_ref', 'in', refs)
      .execute();
    return rows.map(toConnection);
  };
  return {
    /** Those whose token ends first, of those that were read lately; in no order. */
    async findDue({ now, readSince, except, limit }: DueInput): Promise<Connection[]> {
      let refs = selectFree()
        .where('refresh_after', '<=', now)
        .where('last_read_at', '>=', readSince)
        .orderBy('access_expires_at')
        .limit(limit);
      if (except.origins.length > 0) refs = refs.where('issued_origin', 'not in', except.origins);
      if (except.providerIds.length > 0) refs = refs.where('provider_id', 'not in', except.providerIds);
      return load(refs);
    },

    /** Not due for so long; nothing where a call came between. */
    async putOff({ connectionRef, intentId, leaseEpoch, seconds }: PutOffInput): Promise<void> {
      await db
        .updateTable('connection')
        .set({ next_attempt_at: databaseNow(seconds) })
        .where('connection_ref', '=', connectionRef)
        .where('intent_id', '=', intentId)
        .where('lease_epoch', '=', leaseEpoch)
        .execute();
    },

    /** Grants of a provider that nothing has used since `lastOkBefore`, the longest unused first. */
    findIdle: ({ providerId, lastOkBefore, limit }: IdleInput): Promise<Connection[]> =>
      load(
        selectFree()
          .where('provider_id', '=', providerId)
          .where('last_ok_at', '<=', lastOkBefore)
          .orderBy('last_ok_at')
          .limit(limit),
      ),
  };
}
