import { createRoute } from '@hono/zod-openapi';
import { WebhookDeleted } from '@nexus/broker-api/webhooks';
import type { WebhookDeps } from '../../services/webhooks/create-webhook.js';
import { deleteWebhook } from '../../services/webhooks/delete-webhook.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'deleteWebhook',
  method: 'delete',
  path: '/admin/v1/webhooks/{id}',
  tags: ['Webhooks'],
  summary: 'Delete a receiver and what waits for it',
  request: { params: idParameter },
  responses: { 200: jsonAnswer(WebhookDeleted, 'It is deleted.'), ...errorAnswers('webhook_not_found') },
  ...keyRoute(['admin'], ['webhook.deleted']),
});

export function registerDeleteWebhook(app: BrokerApp, deps: WebhookDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { id } = c.req.valid('param');
    await deleteWebhook(deps, { webhookId: id }, c.get('context'));
    return c.json({ id, deleted: true as const }, 200);
  });
}
