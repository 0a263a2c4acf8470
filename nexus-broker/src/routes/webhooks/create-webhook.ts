import { createRoute } from '@hono/zod-openapi';
import { WebhookCreated, WebhookInput } from '@nexus/broker-api/webhooks';
import { createWebhook, type WebhookDeps } from '../../services/webhooks/create-webhook.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toWireWebhook } from './wire-webhook.js';

const route = createRoute({
  operationId: 'createWebhook',
  method: 'post',
  path: '/admin/v1/webhooks',
  tags: ['Webhooks'],
  summary: 'Register a receiver of events',
  request: jsonBody(WebhookInput),
  responses: { 201: jsonAnswer(WebhookCreated, 'The webhook with its secret.'), ...errorAnswers('webhook_unsafe') },
  ...keyRoute(['admin'], ['webhook.created']),
});

export function registerCreateWebhook(app: BrokerApp, deps: WebhookDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { url, events, active = true } = c.req.valid('json');
    const { webhook, secret } = await createWebhook(deps, { url, events, active }, c.get('context'));
    return c.json({ ...toWireWebhook(webhook), secret }, 201);
  });
}
