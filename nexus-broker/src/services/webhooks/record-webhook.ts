import type { AuditLog } from '../../audit/audit-log.js';
import type { AuditEntry, AuditOrigin } from '../../domain/audit-event.js';
import { witness } from '../../domain/store-witness.js';
import type { Webhook } from '../../domain/webhook.js';

/**
 * The registration as it is from now on. Changes are entries of the same type, told apart by `change`. A URL may hold a
 * token of the receiver's, so only its origin is on record.
 */
export function describeRegistration(
  audit: AuditLog,
  webhook: Webhook,
  change: { readonly kind: 'created' | 'updated' | 'secret_rotated'; readonly previousEndsAt?: string },
  origin: AuditOrigin,
): AuditEntry {
  const { webhookId, version, sealedSecrets } = webhook;
  return audit.entry(
    {
      eventType: 'webhook.created',
      outcome: 'success',
      resourceId: webhookId,
      data: {
        webhook_id: webhookId,
        change: change.kind,
        origin: new URL(webhook.url).origin,
        events: [...webhook.events],
        active: webhook.active,
        version,
        ...(change.previousEndsAt === undefined ? {} : { previous_ends_at: change.previousEndsAt }),
      },
      // An update stores no secrets, and may not bear witness of what it has not written.
      ...(change.kind === 'updated' ? {} : { store: witness('webhook', webhookId, version, sealedSecrets) }),
    },
    origin,
  );
}
