import type { Clock } from '@nexus/core/clock';
import type { Vault } from '@nexus/vault/vault';
import { liveSecrets, type Webhook, type WebhookDelivery } from '../domain/webhook.js';
import type { GuardedFetch } from '../oauth/guarded-fetch.js';
import { findOutgoingError } from '../oauth/outgoing-error.js';
import { signMessage } from './signature.js';
import { openWebhookSecrets } from './webhook-secrets.js';

export interface SendDeps {
  readonly vault: Vault;
  readonly clock: Clock;
  readonly guardedFetch: Pick<GuardedFetch, 'fetch'>;
}

export interface SendResult {
  readonly isDelivered: boolean;
  /** HTTP status; null where no answer came. */
  readonly status: number | null;
  /** A short code; null for a delivered event. */
  readonly error: string | null;
}

/** Nobody reads the body of an answer; so much of it is taken that a connection can be used again. */
const maxAnswerBytes = 16 * 1024;

/**
 * One attempt. It does not reject for anything a receiver does.
 *
 * @throws VaultError when the secrets cannot be opened, or an AbortError of `signal`.
 */
export async function sendEvent(
  deps: SendDeps,
  {
    webhook,
    delivery,
    signal,
  }: { readonly webhook: Webhook; readonly delivery: WebhookDelivery; readonly signal: AbortSignal },
): Promise<SendResult> {
  const nowMs = deps.clock.now();
  const secrets = liveSecrets(await openWebhookSecrets(deps.vault, webhook), nowMs);
  const message = { id: delivery.deliveryId, timestamp: Math.floor(nowMs / 1000), payload: delivery.payload };
  const signatures = signMessage(
    message,
    secrets.map(({ value }) => value),
  );
  try {
    const answer = await deps.guardedFetch.fetch(webhook.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signatures },
      body: delivery.payload,
      signal,
      maxAnswerBytes,
    });
    return judge(answer.status);
  } catch (error) {
    signal.throwIfAborted();
    const outgoing = findOutgoingError(error);
    if (outgoing === null) throw error;
    // The head of the answer has said all there is to say.
    if (outgoing.reason === 'too_large' && outgoing.status !== null) return judge(outgoing.status);
    return { isDelivered: false, status: outgoing.status, error: outgoing.reason };
  }
}

function judge(status: number): SendResult {
  const isDelivered = status >= 200 && status < 300;
  return { isDelivered, status, error: isDelivered ? null : `http_${status}` };
}
