/**
 * The outbox. Of the events of one connection a webhook is sent one at a time, oldest first; leases, by the database's
 * clock, keep two Brokers from sending the same one.
 */
import type { Expression, ExpressionBuilder, Selectable, SqlBool } from 'kysely';
import type { DeliveryStatus, WebhookDelivery } from '../domain/webhook.js';
import type { Schema } from './schema.js';
import { hasWon, type StoreContext } from './store-context.js';
import type { WebhookDeliveryTable } from './webhook-schema.js';

export interface ClaimInput {
  readonly webhookId: string;
  readonly owner: string;
  readonly leaseSeconds: number;
  readonly limit: number;
}

/** What a lease's owner found out; it ends the lease. */
export interface AttemptResult {
  readonly deliveryId: string;
  readonly owner: string;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
}

interface DeliveryFilter {
  readonly webhookId: string;
  readonly status: DeliveryStatus | null;
  readonly connectionRef: string | null;
  /** The last one of the page before. */
  readonly before: string | null;
  readonly limit: number;
}

type DeliveryCondition = (event: ExpressionBuilder<Schema, 'webhook_delivery'>) => Expression<SqlBool>;

const noLease = { lease_owner: null, lease_until: null } as const;

export function createWebhookDeliveryStore(context: StoreContext) {
  const { db } = context;
  return {
    listDueWebhooks: (): Promise<string[]> => listDueWebhooks(context),
    claimDue: (input: ClaimInput): Promise<WebhookDelivery[]> => claimDue(context, input),
    list: (filter: DeliveryFilter): Promise<WebhookDelivery[]> => list(context, filter),

    async find(webhookId: string, deliveryId: string): Promise<WebhookDelivery | null> {
      const row = await db
        .selectFrom('webhook_delivery')
        .selectAll()
        .where('delivery_id', '=', deliveryId)
        .where('webhook_id', '=', webhookId)
        .executeTakeFirst();
      return row === undefined ? null : toDelivery(row);
    },

    /** False when the lease has gone to another owner, whose word counts then. */
    finish: (result: AttemptResult & { readonly status: 'delivered' | 'failed' }): Promise<boolean> =>
      endLease(context, result, { status: result.status, finished_at: context.databaseNow() }),

    retryIn: (result: AttemptResult, seconds: number): Promise<boolean> =>
      endLease(context, result, { next_attempt_at: context.databaseNow(seconds) }),

    /** Gives back what was claimed and not sent, or cut off by the end of this process. */
    async release(deliveryId: string, owner: string): Promise<void> {
      await db
        .updateTable('webhook_delivery')
        .set(noLease)
        .where('delivery_id', '=', deliveryId)
        .where('lease_owner', '=', owner)
        .execute();
    },

    /** For the start of the only Broker of a database: whoever held a lease is dead. */
    async releaseAll(): Promise<void> {
      await db.updateTable('webhook_delivery').set(noLease).where('lease_owner', 'is not', null).execute();
    },

    /** Sends a finished one again, under the same id; false while it is not finished. */
    async replay({ webhookId, deliveryId }: Pick<WebhookDelivery, 'webhookId' | 'deliveryId'>): Promise<boolean> {
      const result = await db
        .updateTable('webhook_delivery')
        .set({
          status: 'pending',
          attempts: 0,
          next_attempt_at: context.databaseNow(),
          finished_at: null,
          last_status: null,
          last_error: null,
        })
        .where('delivery_id', '=', deliveryId)
        .where('webhook_id', '=', webhookId)
        .where('status', '<>', 'pending')
        .executeTakeFirst();
      return hasWon(result);
    },

    /** At most `limit` of each kind; returns the larger number. */
    purge: (input: { readonly secondsAgo: number; readonly limit: number }): Promise<number> => purge(context, input),
  };
}

const isFree =
  ({ databaseNow }: StoreContext): DeliveryCondition =>
  (delivery) =>
    delivery.or([delivery('lease_until', 'is', null), delivery('lease_until', '<', databaseNow())]);

/** Due, free, and not behind an earlier event of its connection that is still on its way. */
function selectDue(context: StoreContext) {
  return context.db
    .selectFrom('webhook_delivery')
    .where('webhook_delivery.status', '=', 'pending')
    .where('webhook_delivery.next_attempt_at', '<=', context.databaseNow())
    .where(isFree(context))
    .where((delivery) =>
      delivery.not(
        delivery.exists(
          delivery
            .selectFrom('webhook_delivery as earlier')
            .select('earlier.delivery_id')
            .whereRef('earlier.connection_ref', '=', 'webhook_delivery.connection_ref')
            .whereRef('earlier.webhook_id', '=', 'webhook_delivery.webhook_id')
            .whereRef('earlier.position', '<', 'webhook_delivery.position')
            .where('earlier.status', '=', 'pending'),
        ),
      ),
    );
}

async function listDueWebhooks(context: StoreContext): Promise<string[]> {
  const rows = await context.db
    .selectFrom('webhook')
    .select('webhook_id')
    .where('active', '=', 1)
    .where((webhook) =>
      webhook.exists(
        selectDue(context)
          .select('webhook_delivery.delivery_id')
          .whereRef('webhook_delivery.webhook_id', '=', webhook.ref('webhook.webhook_id') as never),
      ),
    )
    .execute();
  return rows.map((row) => row.webhook_id);
}

async function claimDue(context: StoreContext, input: ClaimInput): Promise<WebhookDelivery[]> {
  const due = selectDue(context)
    .select('webhook_delivery.delivery_id')
    .where('webhook_delivery.webhook_id', '=', input.webhookId)
    .where((delivery) =>
      delivery.exists(
        delivery
          .selectFrom('webhook')
          .select('webhook.webhook_id')
          .where('webhook.webhook_id', '=', input.webhookId)
          .where('webhook.active', '=', 1),
      ),
    )
    .orderBy('webhook_delivery.next_attempt_at')
    .orderBy('webhook_delivery.delivery_id')
    .limit(input.limit);
  const rows = await context.db
    .updateTable('webhook_delivery')
    .set({ lease_owner: input.owner, lease_until: context.databaseNow(input.leaseSeconds) })
    .where('delivery_id', 'in', due)
    // Said again outside: PostgreSQL looks at a row once more when another Broker has just claimed it.
    .where('status', '=', 'pending')
    .where(isFree(context))
    .returningAll()
    .execute();
  return rows.map(toDelivery);
}

async function list({ db }: StoreContext, filter: DeliveryFilter): Promise<WebhookDelivery[]> {
  let query = db.selectFrom('webhook_delivery').selectAll().where('webhook_id', '=', filter.webhookId);
  if (filter.status !== null) query = query.where('status', '=', filter.status);
  if (filter.connectionRef !== null) query = query.where('connection_ref', '=', filter.connectionRef);
  if (filter.before !== null) query = query.where('delivery_id', '<', filter.before);
  return (await query.orderBy('delivery_id', 'desc').limit(filter.limit).execute()).map(toDelivery);
}

async function endLease({ db }: StoreContext, result: AttemptResult, changes: object): Promise<boolean> {
  const updated = await db
    .updateTable('webhook_delivery')
    .set((delivery) => ({
      ...changes,
      ...noLease,
      attempts: delivery('attempts', '+', 1),
      last_status: result.lastStatus,
      last_error: result.lastError,
    }))
    .where('delivery_id', '=', result.deliveryId)
    .where('lease_owner', '=', result.owner)
    .where('status', '=', 'pending')
    .executeTakeFirst();
  return hasWon(updated);
}

interface PurgeInput {
  readonly secondsAgo: number;
  readonly limit: number;
}

/** Deletes what was finished long ago, and what waits for a webhook that is gone; each by its own index. */
async function purge({ db, databaseNow }: StoreContext, { secondsAgo, limit }: PurgeInput): Promise<number> {
  const select = () => db.selectFrom('webhook_delivery').select('delivery_id').limit(limit);
  const old = select().where('finished_at', '<', databaseNow(-secondsAgo));
  const orphaned = select().where('webhook_id', 'not in', db.selectFrom('webhook').select('webhook.webhook_id'));
  let most = 0;
  for (const forgotten of [old, orphaned]) {
    const result = await db.deleteFrom('webhook_delivery').where('delivery_id', 'in', forgotten).executeTakeFirst();
    most = Math.max(most, Number(result.numDeletedRows));
  }
  return most;
}

function toDelivery(row: Selectable<WebhookDeliveryTable>): WebhookDelivery {
  return {
    deliveryId: row.delivery_id,
    webhookId: row.webhook_id,
    connectionRef: row.connection_ref,
    eventType: row.event_type,
    position: row.position,
    payload: row.payload,
    status: row.status,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    lastStatus: row.last_status,
    lastError: row.last_error,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
  };
}
