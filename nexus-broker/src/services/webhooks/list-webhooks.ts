import type { Webhook } from '../../domain/webhook.js';
import type { Database } from '../../stores/database.js';

export function listWebhooks(deps: { readonly database: Database }): Promise<readonly Webhook[]> {
  return deps.database.stores.webhooks.list();
}
