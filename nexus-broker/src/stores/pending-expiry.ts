import type { Instant } from '@nexus/core/clock';
import type { FlowStatus } from '../domain/authorization-flow.js';
import { recordEvent } from './connection-events.js';
import { hasWon, type StoreContext } from './store-context.js';

interface ExpireInput {
  readonly at: Instant;
  readonly limit: number;
}

/** A flow in one of these decides itself what becomes of its connection. */
const undecided: FlowStatus[] = ['exchanging', 'awaiting_completion', 'discarding'];

export function createPendingExpiry(context: StoreContext) {
  return {
    /**
     * Writes down that pending connections have run out, which they count as without it, and returns how many. Of any
     * number of callers one does it for each connection.
     */
    async expirePending({ at, limit }: ExpireInput): Promise<number> {
      const rows = await selectExpired(context).limit(limit).execute();
      let expired = 0;
      for (const { connection_ref: connectionRef, reason } of rows) {
        const stated = reason ?? 'expired';
        const result = await context.db
          .updateTable('connection')
          .set({ status: 'failed', reason: stated, pending_until: null, updated_at: at })
          .where('connection_ref', '=', connectionRef)
          .where('status', '=', 'pending')
          .where('pending_until', '<=', context.databaseNow())
          .executeTakeFirst();
        if (!hasWon(result)) continue;
        expired += 1;
        await recordEvent(context, connectionRef, { status: 'failed', reason: stated, at });
      }
      return expired;
    },
  };
}

function selectExpired({ db, databaseNow }: StoreContext) {
  return db
    .selectFrom('connection')
    .select(['connection_ref', 'reason'])
    .where('status', '=', 'pending')
    .where('pending_until', '<=', databaseNow())
    .where((connection) =>
      connection.not(
        connection.exists(
          connection
            .selectFrom('flow')
            .select('flow_id')
            .whereRef('flow.connection_ref', '=', 'connection.connection_ref')
            .where('flow.status', 'in', undecided),
        ),
      ),
    )
    .orderBy('pending_until');
}
