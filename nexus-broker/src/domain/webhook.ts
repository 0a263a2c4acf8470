import type { Instant } from '@nexus/core/clock';
import type { SealedBlob } from '@nexus/vault/vault';
import type { AttentionReason, ConnectionStatus, FailedReason } from './connection.js';

export const webhookEventTypes = [
  'connection.active',
  'connection.attention',
  'connection.revoked',
  'connection.failed',
] as const;
export type WebhookEventType = (typeof webhookEventTypes)[number];

/** A receiver of events that an admin registered. */
export interface Webhook {
  readonly webhookId: string;
  readonly url: string;
  readonly events: readonly WebhookEventType[];
  /** An inactive one gets no new events, and what waits for it keeps waiting. */
  readonly active: boolean;
  /** Counts its sealed secrets. */
  readonly version: number;
  readonly sealedSecrets: SealedBlob | null;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** A secret that signs; those of one webhook are held newest first, two at most. */
export interface WebhookSecret {
  /** `whsec_` and base64 of 32 bytes. */
  readonly value: string;
  /** Unix milliseconds from which it does not sign any more; null for the newest. */
  readonly endsAt: number | null;
}

export type DeliveryStatus = 'pending' | 'delivered' | 'failed';

/** One event on its way to one webhook. */
export interface WebhookDelivery {
  /** The `webhook-id` of every attempt. */
  readonly deliveryId: string;
  readonly webhookId: string;
  readonly connectionRef: string;
  readonly eventType: WebhookEventType;
  /** Its place among the events of its connection. */
  readonly position: number;
  /** What is sent: JSON text that stays the same over all attempts. */
  readonly payload: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly nextAttemptAt: Instant;
  /** HTTP status of the last attempt; null where no answer came. */
  readonly lastStatus: number | null;
  /** Why the last attempt failed, as a short code; null when it did not. */
  readonly lastError: string | null;
  readonly createdAt: Instant;
  readonly finishedAt: Instant | null;
}

/** The state a connection has entered. */
export interface ConnectionEvent {
  readonly status: Exclude<ConnectionStatus, 'pending'>;
  readonly reason: AttentionReason | FailedReason | null;
  readonly at: Instant;
}

interface EventSubject {
  readonly connectionRef: string;
  readonly workspaceId: string;
  readonly providerName: string;
}

/** The payload by Standard Webhooks. It names the connection by its reference, which opens nothing. */
export function describeEvent(subject: EventSubject, { status, reason, at }: ConnectionEvent): string {
  return JSON.stringify({
    type: toEventType(status),
    timestamp: at,
    data: {
      connection_ref: subject.connectionRef,
      provider_name: subject.providerName,
      workspace_id: subject.workspaceId,
      status,
      ...(reason === null ? {} : { reason }),
    },
  });
}

export function toEventType(status: ConnectionEvent['status']): WebhookEventType {
  return `connection.${status}`;
}

const hour = 3_600;
/** Seconds after each failed attempt; together three days, and then it is given up. */
const retryDelays = [5, 30, 120, 600, hour, 3 * hour, 6 * hour, ...Array<number>(5).fill(12 * hour)];

/** Seconds until the next attempt after `attempts` failed ones, a fifth more or less; null when it was the last. */
export function nextRetryDelay(attempts: number, random: () => number): number | null {
  const delay = retryDelays[attempts - 1];
  return delay === undefined ? null : delay * (0.8 + 0.4 * random());
}

/** The secrets that sign at this moment. */
export function liveSecrets(secrets: readonly WebhookSecret[], nowMs: number): readonly WebhookSecret[] {
  return secrets.filter(({ endsAt }) => endsAt === null || endsAt > nowMs);
}

/** The newest secret first, then the one before until `endsAt`; whichever was before that ends now. */
export function rotateSecrets(secrets: readonly WebhookSecret[], value: string, endsAt: number): WebhookSecret[] {
  const [newest] = secrets;
  return [{ value, endsAt: null }, ...(newest === undefined ? [] : [{ value: newest.value, endsAt }])];
}
