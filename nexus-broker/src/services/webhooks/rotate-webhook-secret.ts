import { type Instant, toInstant } from '@nexus/core/clock';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { rotateSecrets } from '../../domain/webhook.js';
import { createWebhookSecret, openWebhookSecrets, sealWebhookSecrets } from '../../webhooks/webhook-secrets.js';
import type { WebhookDeps } from './create-webhook.js';
import { getWebhook, webhookNotFound } from './get-webhook.js';
import { describeRegistration } from './record-webhook.js';

export interface RotatedSecret {
  readonly webhookId: string;
  readonly secret: string;
  /** Until when the secret before signs beside it. */
  readonly previousEndsAt: Instant;
}

/** Against somebody who rotates the same webhook at the same time. */
const maxAttempts = 5;

/**
 * Gives a webhook a new secret; the one before signs too for `overlapSeconds`, so that no event is refused while its
 * receiver takes the new one over.
 *
 * @throws NexusError `webhook_not_found`; VaultError when the stored secrets do not open.
 */
export async function rotateWebhookSecret(
  deps: Omit<WebhookDeps, 'providerClient'>,
  input: { readonly webhookId: string; readonly overlapSeconds: number },
  context: RequestContext,
): Promise<RotatedSecret> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const rotated = await tryRotate(deps, input, context);
    if (rotated !== null) return rotated;
  }
  throw new Error('The secrets of a webhook kept changing while they were rotated.');
}

async function tryRotate(
  deps: Omit<WebhookDeps, 'providerClient'>,
  input: { readonly webhookId: string; readonly overlapSeconds: number },
  context: RequestContext,
): Promise<RotatedSecret | null> {
  const webhook = await getWebhook(deps, input);
  const now = deps.clock.now();
  const endsAt = now + input.overlapSeconds * 1000;
  const secret = createWebhookSecret();
  const secrets = rotateSecrets(await openWebhookSecrets(deps.vault, webhook), secret, endsAt);
  const { webhookId } = webhook;
  const version = webhook.version + 1;
  const sealed = sealWebhookSecrets(deps.vault, { webhookId, version }, secrets);
  const previousEndsAt = toInstant(endsAt);
  const isRotated = await deps.database.transaction(async (stores) => {
    if (!(await stores.webhooks.replaceSecrets({ webhookId, version, sealed, at: toInstant(now) }))) return false;
    const stored = await stores.webhooks.findById(webhookId);
    if (stored === null) throw webhookNotFound();
    const change = { kind: 'secret_rotated', previousEndsAt } as const;
    await stores.audit.insert([describeRegistration(deps.audit, stored, change, toAuditOrigin(context))]);
    return true;
  });
  return isRotated ? { webhookId, secret, previousEndsAt } : null;
}
