/** Wire schemas of webhooks and their deliveries under `/admin/v1/webhooks`. */
import { z } from '@hono/zod-openapi';

export const WebhookEvent = z
  .enum(['connection.active', 'connection.attention', 'connection.revoked', 'connection.failed'])
  .openapi('WebhookEvent');

const url = z.string().min(1).max(2048);
const events = z.array(WebhookEvent).min(1).max(4);

export const WebhookInput = z.strictObject({ url, events, active: z.boolean().optional() }).openapi('WebhookInput');

export const WebhookPatch = z
  .strictObject({ url: url.optional(), events: events.optional(), active: z.boolean().optional() })
  .openapi('WebhookPatch');

const webhook = {
  id: z.string(),
  url: z.string(),
  events: z.array(WebhookEvent),
  active: z.boolean(),
  created_at: z.string(),
  updated_at: z.string(),
};

export const Webhook = z.object(webhook).openapi('Webhook');

export const WebhookCreated = z
  .object({
    ...webhook,
    secret: z.string().openapi({ description: 'What signs its events: `whsec_` and base64, shown this once.' }),
  })
  .openapi('WebhookCreated');

export const WebhookList = z.object({ webhooks: z.array(Webhook) }).openapi('WebhookList');

export const WebhookDeleted = z.object({ id: z.string(), deleted: z.literal(true) }).openapi('WebhookDeleted');

export const WebhookSecretInput = z
  .strictObject({
    overlap_seconds: z
      .number()
      .int()
      .min(0)
      .max(604_800)
      .optional()
      .openapi({ description: 'How long the secret before signs too; a day unless said.' }),
  })
  .openapi('WebhookSecretInput');

export const WebhookSecret = z
  .object({
    id: z.string(),
    secret: z.string().openapi({ description: 'The new secret, shown this once.' }),
    previous_ends_at: z.string(),
  })
  .openapi('WebhookSecret');

export const DeliveryStatus = z.enum(['pending', 'delivered', 'failed']).openapi('DeliveryStatus');

export const WebhookDelivery = z
  .object({
    id: z.string().openapi({ description: 'The `webhook-id` of every attempt.' }),
    event: WebhookEvent,
    connection_ref: z.string(),
    status: DeliveryStatus,
    attempts: z.number().int(),
    next_attempt_at: z.string().nullable(),
    last_status: z.number().int().nullable(),
    last_error: z.string().nullable(),
    created_at: z.string(),
    finished_at: z.string().nullable(),
  })
  .openapi('WebhookDelivery');

export const WebhookDeliveryList = z
  .object({ deliveries: z.array(WebhookDelivery), next_cursor: z.string().optional() })
  .openapi('WebhookDeliveryList');

export const WebhookDeliveryParameters = z.strictObject({
  status: DeliveryStatus.optional(),
  connection_ref: z.string().max(128).optional(),
  limit: z.coerce.number().int().min(1).max(500).optional(),
  cursor: z.string().max(128).optional(),
});

export type WebhookList = z.infer<typeof WebhookList>;
export type WebhookDeliveryList = z.infer<typeof WebhookDeliveryList>;
export type Webhook = z.infer<typeof Webhook>;
export type WebhookCreated = z.infer<typeof WebhookCreated>;
export type WebhookDeleted = z.infer<typeof WebhookDeleted>;
