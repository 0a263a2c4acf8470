import type { Instant } from '@nexus/core/clock';
import type { DeliveryStatus, WebhookEventType } from '../domain/webhook.js';
import type { Flag, JsonText, Sealed } from './codecs.js';

export interface WebhookTable {
  webhook_id: string;
  url: string;
  events: JsonText<readonly WebhookEventType[]>;
  active: Flag;
  version: number;
  sealed_secrets: Sealed;
  created_at: Instant;
  updated_at: Instant;
}

/** The outbox of events. Times of attempts and leases are the database's. */
export interface WebhookDeliveryTable {
  delivery_id: string;
  webhook_id: string;
  connection_ref: string;
  event_type: WebhookEventType;
  position: number;
  payload: string;
  status: DeliveryStatus;
  attempts: number;
  next_attempt_at: Instant;
  lease_owner: string | null;
  lease_until: Instant | null;
  last_status: number | null;
  last_error: string | null;
  created_at: Instant;
  finished_at: Instant | null;
}
