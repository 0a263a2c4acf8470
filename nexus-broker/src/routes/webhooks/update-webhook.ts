import { createRoute } from '@hono/zod-openapi';
import { Webhook, WebhookPatch } from '@nexus/broker-api/webhooks';
import type { WebhookDeps } from '../../services/webhooks/create-webhook.js';
import { updateWebhook } from '../../services/webhooks/update-webhook.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toWireWebhook } from './wire-webhook.js';

const route = createRoute({
  operationId: 'updateWebhook',
  method: 'patch',
  path: '/admin/v1/webhooks/{id}',
  tags: ['Webhooks'],
  summary: 'Change the URL or the events of a receiver, or switch it off and on',
  description: 'While it is inactive no events are kept for it; those that waited before are sent once it is active.',
  request: { params: idParameter, ...jsonBody(WebhookPatch) },
  responses: {
    200: jsonAnswer(Webhook, 'The webhook as it is now.'),
    ...errorAnswers('webhook_not_found', 'webhook_unsafe'),
  },
  ...keyRoute(['admin'], ['webhook.created']),
});

export function registerUpdateWebhook(app: BrokerApp, deps: WebhookDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { url = null, events = null, active = null } = c.req.valid('json');
    const input = { webhookId: c.req.valid('param').id, url, events, active };
    return c.json(toWireWebhook(await updateWebhook(deps, input, c.get('context'))), 200);
  });
}
