import type { Webhook, WebhookDelivery } from '../../domain/webhook.js';

export function toWireWebhook(webhook: Webhook) {
  return {
    id: webhook.webhookId,
    url: webhook.url,
    events: [...webhook.events],
    active: webhook.active,
    created_at: webhook.createdAt,
    updated_at: webhook.updatedAt,
  };
}

export function toWireDelivery(delivery: WebhookDelivery) {
  return {
    id: delivery.deliveryId,
    event: delivery.eventType,
    connection_ref: delivery.connectionRef,
    status: delivery.status,
    attempts: delivery.attempts,
    next_attempt_at: delivery.status === 'pending' ? delivery.nextAttemptAt : null,
    last_status: delivery.lastStatus,
    last_error: delivery.lastError,
    created_at: delivery.createdAt,
    finished_at: delivery.finishedAt,
  };
}
