import { NexusError } from '@nexus/core/errors';
import type { WebhookDelivery } from '../../domain/webhook.js';
import type { Database } from '../../stores/database.js';
import { getWebhook } from './get-webhook.js';

/**
 * Sends an event again under the id it had; one that is still on its way is left as it is. Later events of its
 * connection that were delivered already are not sent again, so a receiver sees it out of order.
 *
 * @throws NexusError `webhook_not_found`, `delivery_not_found`.
 */
export async function replayWebhookDelivery(
  deps: { readonly database: Database },
  input: { readonly webhookId: string; readonly deliveryId: string },
): Promise<WebhookDelivery> {
  await getWebhook(deps, input);
  return deps.database.transaction(async ({ webhookDeliveries }) => {
    await webhookDeliveries.replay(input);
    const delivery = await webhookDeliveries.find(input.webhookId, input.deliveryId);
    if (delivery === null) throw new NexusError('delivery_not_found', 'This webhook has no delivery with this id.');
    return delivery;
  });
}
