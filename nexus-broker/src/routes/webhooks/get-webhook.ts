import { createRoute } from '@hono/zod-openapi';
import { Webhook } from '@nexus/broker-api/webhooks';
import { getWebhook } from '../../services/webhooks/get-webhook.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';
import { toWireWebhook } from './wire-webhook.js';

const route = createRoute({
  operationId: 'getWebhook',
  method: 'get',
  path: '/admin/v1/webhooks/{id}',
  tags: ['Webhooks'],
  summary: 'Get a receiver of events',
  request: { params: idParameter },
  responses: { 200: jsonAnswer(Webhook, 'The webhook.'), ...errorAnswers('webhook_not_found') },
  ...keyRoute(['admin'], { none: 'the answer holds no secret' }),
});

export function registerGetWebhook(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    return c.json(toWireWebhook(await getWebhook(deps, { webhookId: c.req.valid('param').id })), 200);
  });
}
