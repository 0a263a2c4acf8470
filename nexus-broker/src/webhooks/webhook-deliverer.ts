/**
 * Takes events from the outbox to their receivers, at least once. Each webhook has a lane of its own, so a receiver that
 * is slow or dead holds up nobody else; one that failed last is asked one event at a time.
 */
import { createUlid } from '@nexus/core/ids';
import { VaultError } from '@nexus/vault/key-provider';
import type { Webhook, WebhookDelivery } from '../domain/webhook.js';
import type { Database } from '../stores/database.js';
import { type SendDeps, type SendResult, sendEvent } from './send-event.js';
import { type SettleDeps, settleAttempt } from './settle-attempt.js';

export interface WebhookDelivererDeps extends SendDeps, SettleDeps {
  readonly database: Database;
  readonly onBackgroundError: (error: unknown) => void;
}

interface Lane {
  inFlight: number;
  isClaiming: boolean;
  isFailing: boolean;
}

const laneWidth = 4;
const maxInFlight = 64;
/** Longer than one attempt and its record take. */
const leaseSeconds = 30;
/** After a claim; an attempt that starts later might still be on its way when the lease is over. */
const startWithinMs = 10_000;

export class WebhookDeliverer {
  readonly #deps: WebhookDelivererDeps;
  readonly #owner: string;
  readonly #lanes = new Map<string, Lane>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #inFlight = 0;

  constructor(deps: WebhookDelivererDeps) {
    this.#deps = deps;
    this.#owner = createUlid(deps.clock.now());
  }

  /** For a start: a database that only one Broker can open has no leases that count. */
  async forgetEarlierBoots(): Promise<void> {
    const { database } = this.#deps;
    if (database.isExclusive) await database.transaction((stores) => stores.webhookDeliveries.releaseAll());
  }

  /** Starts what is due and returns without waiting for receivers. */
  async run(): Promise<void> {
    for (const webhookId of await this.#deps.database.stores.webhookDeliveries.listDueWebhooks()) {
      await this.#fill(webhookId);
    }
  }

  /** Resolves when nothing is on its way any more; for tests. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  /** Cuts off what is on its way: it goes out again, from here or from another Broker. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.settled();
  }

  async #fill(webhookId: string): Promise<void> {
    const lane = this.#lanes.get(webhookId) ?? { inFlight: 0, isClaiming: false, isFailing: false };
    this.#lanes.set(webhookId, lane);
    const limit = Math.min((lane.isFailing ? 1 : laneWidth) - lane.inFlight, maxInFlight - this.#inFlight);
    if (limit <= 0 || lane.isClaiming || this.#stopping.signal.aborted) return;
    lane.isClaiming = true;
    try {
      const { database } = this.#deps;
      const claim = { webhookId, owner: this.#owner, leaseSeconds, limit };
      const claimedAt = performance.now();
      const claimed = await database.transaction((stores) => stores.webhookDeliveries.claimDue(claim));
      if (claimed.length === 0) return;
      const webhook = await database.stores.webhooks.findById(webhookId);
      for (const delivery of claimed) this.#start({ lane, webhook, delivery, claimedAt });
    } finally {
      lane.isClaiming = false;
    }
  }

  #start(attempt: Attempt): void {
    const { lane, delivery } = attempt;
    lane.inFlight += 1;
    this.#inFlight += 1;
    const run = this.#attempt(attempt)
      .catch(this.#deps.onBackgroundError)
      .then(() => {
        lane.inFlight -= 1;
        this.#inFlight -= 1;
        return this.#fill(delivery.webhookId);
      })
      .catch(this.#deps.onBackgroundError)
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #attempt({ lane, webhook, delivery, claimedAt }: Attempt): Promise<void> {
    const { signal } = this.#stopping;
    const isLate = performance.now() - claimedAt > startWithinMs;
    if (webhook === null || !webhook.active || isLate || signal.aborted) return this.#release(delivery);
    let result: SendResult;
    try {
      result = await sendEvent(this.#deps, { webhook, delivery, signal });
    } catch (error) {
      if (signal.aborted) return this.#release(delivery);
      // Secrets that cannot be opened now count as an attempt, or it would be tried without a pause.
      if (!(error instanceof VaultError)) this.#deps.onBackgroundError(error);
      result = { isDelivered: false, status: null, error: 'not_signed' };
    }
    lane.isFailing = !result.isDelivered;
    await settleAttempt(this.#deps, { webhook, delivery, owner: this.#owner, result });
  }

  async #release({ deliveryId }: WebhookDelivery): Promise<void> {
    await this.#deps.database.transaction((stores) => stores.webhookDeliveries.release(deliveryId, this.#owner));
  }
}

interface Attempt {
  readonly lane: Lane;
  readonly webhook: Webhook | null;
  readonly delivery: WebhookDelivery;
  readonly claimedAt: number;
}
