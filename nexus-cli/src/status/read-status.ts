/** What a dashboard shows: the status of the Broker, and how far webhooks are with their events. */
import type { BrokerStatus } from '@nexus/broker-api/administration';
import type { WebhookDeliveryList, WebhookList } from '@nexus/broker-api/webhooks';
import { type Api, Refusal } from '../broker.js';

export interface WebhookProgress {
  readonly id: string;
  readonly url: string;
  readonly active: boolean;
  /** At most `deliveryCap`, which then means that many or more. */
  readonly pending: number;
  readonly failed: number;
}

export interface Dashboard extends BrokerStatus {
  /** When it was read, RFC 3339. */
  readonly read_at: string;
  /** Null for keys that may not see webhooks. */
  readonly webhooks: readonly WebhookProgress[] | null;
}

export const deliveryCap = 100;

export interface StatusReader {
  /** @throws CommandError */
  read(): Promise<Dashboard>;
}

/** Asks for webhooks until the Broker says that this key may not see them: a refusal is recorded each time. */
export function createStatusReader(broker: Api): StatusReader {
  let mayReadWebhooks = true;
  const readWebhooks = async (): Promise<Dashboard['webhooks']> => {
    try {
      const { webhooks } = await broker.get<WebhookList>('/admin/v1/webhooks');
      return await Promise.all(webhooks.map((webhook) => readProgress(broker, webhook)));
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 403) throw error;
      mayReadWebhooks = false;
      return null;
    }
  };
  return {
    async read() {
      const status = await broker.get<BrokerStatus>('/admin/v1/status');
      const webhooks = mayReadWebhooks ? await readWebhooks() : null;
      return { read_at: new Date().toISOString(), ...status, webhooks };
    },
  };
}

async function readProgress(
  broker: Api,
  { id, url, active }: WebhookList['webhooks'][number],
): Promise<WebhookProgress> {
  const count = async (status: 'pending' | 'failed'): Promise<number> => {
    const path = `/admin/v1/webhooks/${encodeURIComponent(id)}/deliveries`;
    const { deliveries } = await broker.get<WebhookDeliveryList>(path, { status, limit: deliveryCap });
    return deliveries.length;
  };
  return { id, url, active, pending: await count('pending'), failed: await count('failed') };
}
