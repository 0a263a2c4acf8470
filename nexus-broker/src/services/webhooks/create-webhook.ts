import { type Clock, toInstant } from '@nexus/core/clock';
import { createUlid } from '@nexus/core/ids';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../../audit/audit-log.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { Webhook, WebhookEventType } from '../../domain/webhook.js';
import type { ProviderClient } from '../../oauth/provider-client.js';
import type { Database } from '../../stores/database.js';
import { createWebhookSecret, sealWebhookSecrets } from '../../webhooks/webhook-secrets.js';
import { describeRegistration } from './record-webhook.js';
import { checkAddress } from './webhook-address.js';

export interface WebhookDeps {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly providerClient: Pick<ProviderClient, 'checkUrl'>;
}

export interface WebhookInput {
  readonly url: string;
  readonly events: readonly WebhookEventType[];
  readonly active: boolean;
}

/** Registers a receiver; its secret is in this answer and in no other. @throws NexusError `webhook_unsafe`. */
export async function createWebhook(
  deps: WebhookDeps,
  input: WebhookInput,
  context: RequestContext,
): Promise<{ readonly webhook: Webhook; readonly secret: string }> {
  await checkAddress(deps, input.url);
  const now = deps.clock.now();
  const secret = createWebhookSecret();
  const named = { webhookId: createUlid(now), version: 1 };
  const webhook: Webhook = {
    ...named,
    ...input,
    events: [...new Set(input.events)],
    sealedSecrets: sealWebhookSecrets(deps.vault, named, [{ value: secret, endsAt: null }]),
    createdAt: toInstant(now),
    updatedAt: toInstant(now),
  };
  await deps.database.transaction(async (stores) => {
    await stores.webhooks.insert(webhook);
    const origin = toAuditOrigin(context);
    await stores.audit.insert([describeRegistration(deps.audit, webhook, { kind: 'created' }, origin)]);
  });
  return { webhook, secret };
}
