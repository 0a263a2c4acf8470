import { createRoute } from '@hono/zod-openapi';
import { WebhookDeliveryList, WebhookDeliveryParameters } from '@nexus/broker-api/webhooks';
import { listWebhookDeliveries } from '../../services/webhooks/list-webhook-deliveries.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';
import { toWireDelivery } from './wire-webhook.js';

const route = createRoute({
  operationId: 'listWebhookDeliveries',
  method: 'get',
  path: '/admin/v1/webhooks/{id}/deliveries',
  tags: ['Webhooks'],
  summary: 'List the events of a receiver and what came of them, newest first',
  request: { params: idParameter, query: WebhookDeliveryParameters },
  responses: { 200: jsonAnswer(WebhookDeliveryList, 'The deliveries.'), ...errorAnswers('webhook_not_found') },
  ...keyRoute(['admin'], { none: 'deliveries hold no secret' }),
});

export function registerListWebhookDeliveries(
  app: BrokerApp,
  deps: { readonly database: Database } & AccessDeps,
): void {
  app.openapi(guard(route, deps), async (c) => {
    const query = c.req.valid('query');
    const page = await listWebhookDeliveries(deps, {
      webhookId: c.req.valid('param').id,
      status: query.status ?? null,
      connectionRef: query.connection_ref ?? null,
      limit: query.limit ?? null,
      before: query.cursor ?? null,
    });
    const deliveries = page.deliveries.map(toWireDelivery);
    return c.json({ deliveries, ...(page.nextCursor === null ? {} : { next_cursor: page.nextCursor }) }, 200);
  });
}
