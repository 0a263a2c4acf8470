import type { Instant } from '@nexus/core/clock';
import { type Flow, type FlowStatus, flowLifetimeSeconds } from '../domain/authorization-flow.js';
import { createFlowMoves } from './flow-moves.js';
import { toFlow, toFlowRow } from './flow-row.js';
import { hasWon, type StoreContext } from './store-context.js';

export type FlowStore = ReturnType<typeof createFlowReads> &
  ReturnType<typeof createFlowChanges> &
  ReturnType<typeof createFlowMoves>;

export function createFlowStore(context: StoreContext): FlowStore {
  return { ...createFlowReads(context), ...createFlowChanges(context), ...createFlowMoves(context) };
}

function createFlowReads({ db, databaseNow }: StoreContext) {
  const findBy = async (column: 'flow_id' | 'ticket_hash' | 'state_hash' | 'handle_hash', value: string) => {
    const row = await db.selectFrom('flow').selectAll().where(column, '=', value).executeTakeFirst();
    return row === undefined ? null : toFlow(row);
  };
  return {
    findById: (flowId: string): Promise<Flow | null> => findBy('flow_id', flowId),
    findByTicketHash: (ticketHash: string): Promise<Flow | null> => findBy('ticket_hash', ticketHash),
    findByStateHash: (stateHash: string): Promise<Flow | null> => findBy('state_hash', stateHash),
    findByHandleHash: (handleHash: string): Promise<Flow | null> => findBy('handle_hash', handleHash),

    /** Counts the recent flows of anonymous callers that brought nothing home, of one address or of all. */
    async countFruitless(source: string | null): Promise<number> {
      let query = db
        .selectFrom('flow')
        .select((flow) => flow.fn.countAll<number>().as('count'))
        .where('status', 'in', fruitlessStatuses)
        .where('requested_by', 'is', null)
        .where('expires_at', '>', databaseNow());
      if (source !== null) query = query.where('source', '=', source);
      const row = await query.executeTakeFirstOrThrow();
      return row.count;
    },

    /** Bound results whose application did not complete in time, and those whose discard was begun and never ended. */
    async listUncompleted(limit: number): Promise<Flow[]> {
      const rows = await db
        .selectFrom('flow')
        .selectAll()
        .where('status', 'in', ['awaiting_completion', 'discarding'])
        .where('handle_expires_at', '<=', databaseNow())
        .orderBy('handle_expires_at')
        .limit(limit)
        .execute();
      return rows.map(toFlow);
    },
  };
}

function createFlowChanges({ db, databaseNow }: StoreContext) {
  return {
    /** Returns when the flow expires: its lifetime from now, by the database's clock. */
    async insert(flow: Flow): Promise<Instant> {
      const row = await db
        .insertInto('flow')
        .values({ ...toFlowRow(flow), expires_at: databaseNow(flowLifetimeSeconds) })
        .returning('expires_at')
        .executeTakeFirstOrThrow();
      return row.expires_at;
    },

    /** Counts one more entry before it is tried; null once the flow is over or has had its number. */
    async reserveAttempt(input: { readonly flowId: string; readonly max: number }): Promise<number | null> {
      const row = await db
        .updateTable('flow')
        .set((flow) => ({ refusals: flow('refusals', '+', 1) }))
        .where('flow_id', '=', input.flowId)
        .where('status', '=', 'open')
        .where('refusals', '<', input.max)
        .where('expires_at', '>', databaseNow())
        .returning('refusals')
        .executeTakeFirst();
      return row?.refusals ?? null;
    },

    /**
     * Ends the flow and erases everything it kept secret. A bound result that waits is not ended by this, since a grant
     * at the provider hangs on it: `takeUncompleted` takes that first.
     */
    async finish(input: { readonly flowId: string; readonly status: 'done' | 'failed' }): Promise<boolean> {
      const result = await db
        .updateTable('flow')
        .set({
          status: input.status,
          cookie_hash: null,
          state_hash: null,
          sealed_secrets: null,
          handle_hash: null,
          handle_expires_at: null,
          sealed_result: null,
        })
        .where('flow_id', '=', input.flowId)
        .where('status', 'in', endableStatuses)
        .executeTakeFirst();
      return hasWon(result);
    },

    /** Leaves bound results alone: `takeUncompleted` ends those, because a grant at the provider hangs on them. */
    async purgeFinished(input: { readonly olderThanSeconds: number; readonly limit: number }): Promise<number> {
      const finished = db
        .selectFrom('flow')
        .select('flow_id')
        .where('status', 'in', purgeableStatuses)
        .where('expires_at', '<', databaseNow(-input.olderThanSeconds))
        .limit(input.limit);
      const result = await db
        .deleteFrom('flow')
        .where('flow_id', 'in', finished)
        .where('status', 'in', purgeableStatuses)
        .executeTakeFirst();
      return Number(result.numDeletedRows);
    },
  };
}

const endableStatuses: readonly FlowStatus[] = ['open', 'claimed', 'exchanging', 'discarding'];
const fruitlessStatuses: readonly FlowStatus[] = ['open', 'claimed', 'exchanging', 'failed'];
const purgeableStatuses: readonly FlowStatus[] = ['open', 'claimed', 'exchanging', 'done', 'failed'];
