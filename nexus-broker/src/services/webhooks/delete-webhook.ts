import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { witness } from '../../domain/store-witness.js';
import type { WebhookDeps } from './create-webhook.js';
import { webhookNotFound } from './get-webhook.js';

/** Nothing is sent to it any more, of what waits neither. @throws NexusError `webhook_not_found`. */
export async function deleteWebhook(
  deps: Pick<WebhookDeps, 'database' | 'audit'>,
  { webhookId }: { readonly webhookId: string },
  context: RequestContext,
): Promise<void> {
  await deps.database.transaction(async (stores) => {
    const held = await stores.webhooks.hold(webhookId);
    if (held === null) throw webhookNotFound();
    await stores.webhooks.delete(webhookId);
    const entry = deps.audit.entry(
      {
        eventType: 'webhook.deleted',
        outcome: 'success',
        resourceId: webhookId,
        data: { webhook_id: webhookId, origin: new URL(held.url).origin },
        store: witness('webhook', webhookId, held.version, null),
      },
      toAuditOrigin(context),
    );
    await stores.audit.insert([entry]);
  });
}
