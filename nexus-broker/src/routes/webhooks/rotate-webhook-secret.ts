import { createRoute } from '@hono/zod-openapi';
import { WebhookSecret, WebhookSecretInput } from '@nexus/broker-api/webhooks';
import type { WebhookDeps } from '../../services/webhooks/create-webhook.js';
import { rotateWebhookSecret } from '../../services/webhooks/rotate-webhook-secret.js';
import type { AccessDeps } from '../access.js';
import {
  type BrokerApp,
  errorAnswers,
  guard,
  idParameter,
  jsonAnswer,
  keyRoute,
  optionalJsonBody,
} from '../operation.js';

const route = createRoute({
  operationId: 'rotateWebhookSecret',
  method: 'post',
  path: '/admin/v1/webhooks/{id}/rotate-secret',
  tags: ['Webhooks'],
  summary: 'Give a receiver a new secret',
  description: 'The secret before signs too for `overlap_seconds`; at most two sign at once.',
  request: { params: idParameter, ...optionalJsonBody(WebhookSecretInput) },
  responses: { 200: jsonAnswer(WebhookSecret, 'The new secret.'), ...errorAnswers('webhook_not_found') },
  ...keyRoute(['admin'], ['webhook.created']),
});

const defaultOverlapSeconds = 86_400;

export function registerRotateWebhookSecret(app: BrokerApp, deps: WebhookDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { id } = c.req.valid('param');
    const { overlap_seconds: overlapSeconds = defaultOverlapSeconds } = c.req.valid('json');
    const rotated = await rotateWebhookSecret(deps, { webhookId: id, overlapSeconds }, c.get('context'));
    return c.json({ id, secret: rotated.secret, previous_ends_at: rotated.previousEndsAt }, 200);
  });
}
