import { randomBytes } from 'node:crypto';
import { openJson, type SealedBlob, sealJson, type Vault } from '@nexus/vault/vault';
import { webhookSecretsContext } from '../domain/blob-context.js';
import type { Webhook, WebhookSecret } from '../domain/webhook.js';

/** `whsec_` and 32 random bytes in base64, as Standard Webhooks writes symmetric secrets. */
export function createWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

export async function openWebhookSecrets(vault: Vault, webhook: Webhook): Promise<readonly WebhookSecret[]> {
  if (webhook.sealedSecrets === null) return [];
  const context = webhookSecretsContext(webhook.webhookId, webhook.version);
  return (await openJson(vault, webhook.sealedSecrets, context)) as unknown as WebhookSecret[];
}

export function sealWebhookSecrets(
  vault: Vault,
  { webhookId, version }: Pick<Webhook, 'webhookId' | 'version'>,
  secrets: readonly WebhookSecret[],
): SealedBlob {
  const plain = secrets.map(({ value, endsAt }) => ({ value, endsAt }));
  return sealJson(vault, plain, webhookSecretsContext(webhookId, version));
}
