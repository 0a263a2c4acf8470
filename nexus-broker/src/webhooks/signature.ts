/** Symmetric signatures of Standard Webhooks 1.0. */
import { createHmac } from 'node:crypto';

interface SignedMessage {
  readonly id: string;
  /** Unix seconds. */
  readonly timestamp: number;
  readonly payload: string;
}

/** The three headers of one attempt: a signature for each secret, so that a receiver may still hold the older one. */
export function signMessage(message: SignedMessage, secrets: readonly string[]): Readonly<Record<string, string>> {
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(message.timestamp),
    'webhook-signature': secrets.map((secret) => `v1,${sign(message, secret)}`).join(' '),
  };
}

function sign({ id, timestamp, payload }: SignedMessage, secret: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return createHmac('sha256', key).update(`${id}.${timestamp}.${payload}`, 'utf8').digest('base64');
}
