import { createRoute } from '@hono/zod-openapi';
import { WebhookList } from '@nexus/broker-api/webhooks';
import { listWebhooks } from '../../services/webhooks/list-webhooks.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { toWireWebhook } from './wire-webhook.js';

const route = createRoute({
  operationId: 'listWebhooks',
  method: 'get',
  path: '/admin/v1/webhooks',
  tags: ['Webhooks'],
  summary: 'List receivers of events',
  responses: { 200: jsonAnswer(WebhookList, 'All webhooks.'), ...errorAnswers() },
  ...keyRoute(['admin'], { none: 'the list holds no secret' }),
});

export function registerListWebhooks(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    return c.json({ webhooks: (await listWebhooks(deps)).map(toWireWebhook) }, 200);
  });
}
