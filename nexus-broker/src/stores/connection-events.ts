/** Puts what happened to a connection into the outbox of webhooks, in the transaction that made it happen. */
import { toEpochMs } from '@nexus/core/clock';
import { createUlid } from '@nexus/core/ids';
import { type ConnectionEvent, describeEvent, toEventType } from '../domain/webhook.js';
import { decodeJson } from './codecs.js';
import type { StoreContext } from './store-context.js';

/**
 * One delivery to each active webhook that wants the event. The caller's transaction has changed the connection's row
 * and holds it: that alone makes the positions follow the order of the changes.
 */
export async function recordEvent(
  { db, databaseNow }: StoreContext,
  connectionRef: string,
  event: ConnectionEvent,
): Promise<void> {
  const eventType = toEventType(event.status);
  const webhooks = await db.selectFrom('webhook').select(['webhook_id', 'events']).where('active', '=', 1).execute();
  const wanting = webhooks.filter((row) => decodeJson(row.events).includes(eventType));
  if (wanting.length === 0) return;
  const subject = await db
    .selectFrom('connection')
    .innerJoin('provider', 'provider.provider_id', 'connection.provider_id')
    .select(['workspace_id', 'profile'])
    .where('connection_ref', '=', connectionRef)
    .executeTakeFirstOrThrow();
  const last = await db
    .selectFrom('webhook_delivery')
    .select((delivery) => delivery.fn.max('position').as('position'))
    .where('connection_ref', '=', connectionRef)
    .executeTakeFirst();
  const payload = describeEvent(
    { connectionRef, workspaceId: subject.workspace_id, providerName: decodeJson(subject.profile).name },
    event,
  );
  const rows = wanting.map(({ webhook_id }) => ({
    delivery_id: `msg_${createUlid(toEpochMs(event.at))}`,
    webhook_id,
    connection_ref: connectionRef,
    event_type: eventType,
    position: (last?.position ?? 0) + 1,
    payload,
    status: 'pending' as const,
    attempts: 0,
    next_attempt_at: databaseNow(),
    created_at: event.at,
  }));
  await db.insertInto('webhook_delivery').values(rows).execute();
}
