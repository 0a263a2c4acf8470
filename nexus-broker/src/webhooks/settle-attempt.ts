import { type Clock, toInstant } from '@nexus/core/clock';
import type { AuditLog } from '../audit/audit-log.js';
import { systemOrigin } from '../domain/request-context.js';
import { nextRetryDelay, type Webhook, type WebhookDelivery } from '../domain/webhook.js';
import type { Database, Stores } from '../stores/database.js';
import type { SendResult } from './send-event.js';

export interface SettleDeps {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly clock: Clock;
  /** From 0 to 1; spreads retries. */
  readonly random: () => number;
}

export interface SettleInput {
  readonly webhook: Webhook;
  readonly delivery: WebhookDelivery;
  readonly owner: string;
  readonly result: SendResult;
}

const gone = 410;

/** Writes down what came of an attempt, unless its lease has gone to somebody else. */
export async function settleAttempt(deps: SettleDeps, input: SettleInput): Promise<void> {
  const { delivery, owner, result } = input;
  const outcome = { deliveryId: delivery.deliveryId, owner, lastStatus: result.status, lastError: result.error };
  const delay = result.status === gone ? null : nextRetryDelay(delivery.attempts + 1, deps.random);
  await deps.database.transaction(async (stores) => {
    const { webhookDeliveries } = stores;
    if (result.isDelivered) {
      await webhookDeliveries.finish({ ...outcome, status: 'delivered' });
    } else if (delay !== null) {
      await webhookDeliveries.retryIn(outcome, delay);
    } else if (await webhookDeliveries.finish({ ...outcome, status: 'failed' })) {
      await recordFailure(deps, stores, input);
    }
  });
}

/** 410 Gone: the receiver wants no more of them. */
async function recordFailure(
  { audit, clock }: SettleDeps,
  stores: Pick<Stores, 'webhooks' | 'audit'>,
  { webhook, delivery, result }: SettleInput,
): Promise<void> {
  const deactivated =
    result.status === gone && (await stores.webhooks.deactivate(webhook.webhookId, toInstant(clock.now())));
  const entry = audit.entry(
    {
      eventType: 'webhook.failed',
      outcome: 'failure',
      connectionRef: delivery.connectionRef,
      resourceId: webhook.webhookId,
      data: {
        webhook_id: webhook.webhookId,
        delivery_id: delivery.deliveryId,
        event: delivery.eventType,
        attempts: delivery.attempts + 1,
        upstream_status: result.status,
        error: result.error,
        deactivated,
      },
    },
    systemOrigin(delivery.deliveryId),
  );
  await stores.audit.insert([entry]);
}
