import { toInstant } from '@nexus/core/clock';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { Webhook, WebhookEventType } from '../../domain/webhook.js';
import type { WebhookDeps } from './create-webhook.js';
import { webhookNotFound } from './get-webhook.js';
import { describeRegistration } from './record-webhook.js';
import { checkAddress } from './webhook-address.js';

export interface UpdateWebhookInput {
  readonly webhookId: string;
  /** Null: as it was. */
  readonly url: string | null;
  readonly events: readonly WebhookEventType[] | null;
  readonly active: boolean | null;
}

/**
 * Changes the fields named. What already waits goes to the new URL; while it is inactive it keeps waiting.
 *
 * @throws NexusError `webhook_not_found`, `webhook_unsafe`.
 */
export async function updateWebhook(
  deps: Omit<WebhookDeps, 'vault'>,
  input: UpdateWebhookInput,
  context: RequestContext,
): Promise<Webhook> {
  if (input.url !== null) await checkAddress(deps, input.url);
  return deps.database.transaction(async (stores) => {
    const held = await stores.webhooks.hold(input.webhookId);
    if (held === null) throw webhookNotFound();
    const changed: Webhook = {
      ...held,
      url: input.url ?? held.url,
      events: input.events === null ? held.events : [...new Set(input.events)],
      active: input.active ?? held.active,
      updatedAt: toInstant(deps.clock.now()),
    };
    await stores.webhooks.update(changed);
    const origin = toAuditOrigin(context);
    await stores.audit.insert([describeRegistration(deps.audit, changed, { kind: 'updated' }, origin)]);
    return changed;
  });
}
