import { NexusError } from '@nexus/core/errors';
import type { Webhook } from '../../domain/webhook.js';
import type { Database } from '../../stores/database.js';

/** @throws NexusError `webhook_not_found`. */
export async function getWebhook(
  deps: { readonly database: Database },
  { webhookId }: { readonly webhookId: string },
): Promise<Webhook> {
  const webhook = await deps.database.stores.webhooks.findById(webhookId);
  if (webhook === null) throw webhookNotFound();
  return webhook;
}

export function webhookNotFound(): NexusError {
  return new NexusError('webhook_not_found', 'No webhook has this id.');
}
