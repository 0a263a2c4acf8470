/** Rows of connections that came to nothing. */
import type { StoreContext } from './store-context.js';

export interface DeleteAbandonedInput {
  /** Seconds that have passed since `pendingUntil`. */
  readonly pendingUntilBefore: number;
  readonly limit: number;
}

/**
 * Deletes connections that never held a credential and ran out or failed long ago, unless a flow is under way for one;
 * their flows go with them by foreign key. Failed ones that a key started stay unless they just ran out: their number is
 * the key's affair.
 */
export async function deleteAbandoned({ db, databaseNow }: StoreContext, input: DeleteAbandonedInput): Promise<number> {
  const before = databaseNow(-input.pendingUntilBefore);
  const abandoned = db
    .selectFrom('connection')
    .select('connection_ref')
    .where('version', '=', 0)
    .where((connection) =>
      connection.or([
        connection.and([connection('status', '=', 'pending'), connection('pending_until', '<', before)]),
        connection.and([
          connection('status', '=', 'failed'),
          connection.or([connection('requested_by', 'is', null), connection('reason', '=', 'expired')]),
          connection('updated_at', '<', before),
        ]),
      ]),
    )
    .where((connection) =>
      connection.not(
        connection.exists(
          connection
            .selectFrom('flow')
            .select('flow_id')
            .whereRef('flow.connection_ref', '=', 'connection.connection_ref')
            .where('flow.status', 'in', ['open', 'claimed', 'exchanging', 'awaiting_completion', 'discarding'])
            .where('flow.expires_at', '>=', before),
        ),
      ),
    )
    .limit(input.limit);
  const result = await db
    .deleteFrom('connection')
    .where('connection_ref', 'in', abandoned)
    .where('version', '=', 0)
    .where('status', 'in', ['pending', 'failed'])
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
