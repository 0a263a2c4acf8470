import { createRoute, z } from '@hono/zod-openapi';
import { WebhookDelivery } from '@nexus/broker-api/webhooks';
import { replayWebhookDelivery } from '../../services/webhooks/replay-webhook-delivery.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';
import { toWireDelivery } from './wire-webhook.js';

const parameters = idParameter.extend({
  delivery_id: z
    .string()
    .min(1)
    .max(128)
    .openapi({ param: { name: 'delivery_id', in: 'path' } }),
});

const route = createRoute({
  operationId: 'replayWebhookDelivery',
  method: 'post',
  path: '/admin/v1/webhooks/{id}/deliveries/{delivery_id}/replay',
  tags: ['Webhooks'],
  summary: 'Send an event again, under the id it had',
  request: { params: parameters },
  responses: {
    200: jsonAnswer(WebhookDelivery, 'The delivery, on its way again.'),
    ...errorAnswers('webhook_not_found', 'delivery_not_found'),
  },
  ...keyRoute(['admin'], { none: 'the receiver has seen it before' }),
});

export function registerReplayWebhookDelivery(
  app: BrokerApp,
  deps: { readonly database: Database } & AccessDeps,
): void {
  app.openapi(guard(route, deps), async (c) => {
    const { id, delivery_id: deliveryId } = c.req.valid('param');
    return c.json(toWireDelivery(await replayWebhookDelivery(deps, { webhookId: id, deliveryId })), 200);
  });
}
