import type { DeliveryStatus, WebhookDelivery } from '../../domain/webhook.js';
import type { Database } from '../../stores/database.js';
import { getWebhook } from './get-webhook.js';

export interface ListDeliveriesInput {
  readonly webhookId: string;
  readonly status: DeliveryStatus | null;
  readonly connectionRef: string | null;
  readonly limit: number | null;
  readonly before: string | null;
}

export interface DeliveryPage {
  readonly deliveries: readonly WebhookDelivery[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

const defaultLimit = 50;

/** The newest first. @throws NexusError `webhook_not_found`. */
export async function listWebhookDeliveries(
  deps: { readonly database: Database },
  input: ListDeliveriesInput,
): Promise<DeliveryPage> {
  const { webhookId } = await getWebhook(deps, input);
  const limit = input.limit ?? defaultLimit;
  const { status, connectionRef, before } = input;
  const filter = { webhookId, status, connectionRef, before, limit: limit + 1 };
  const rows = await deps.database.stores.webhookDeliveries.list(filter);
  const deliveries = rows.slice(0, limit);
  const last = deliveries.at(-1);
  return { deliveries, nextCursor: rows.length > limit && last !== undefined ? last.deliveryId : null };
}
