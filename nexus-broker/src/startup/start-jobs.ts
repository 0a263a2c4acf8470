import { createUlid } from '@nexus/core/ids';
import type { RecentReads } from '../disclosure/recent-reads.js';
import { systemOrigin } from '../domain/request-context.js';
import { Scheduler } from '../jobs/scheduler.js';
import type { KeyRingDeps } from '../keyring/key-ring-deps.js';
import type { Resealer } from '../keyring/resealer.js';
import { rotateAgedKeys } from '../keyring/rotate-aged-keys.js';
import type { DueRefreshes } from '../refresh/due-refreshes.js';
import type { RefreshEngine } from '../refresh/refresh-engine.js';
import { expirePending } from '../services/connections/expire-pending.js';
import { discardUncompleted, purgeFlows } from '../services/flows/sweep-flows.js';
import { purgeSessions, sweepSessions } from '../services/sessions/sweep-sessions.js';
import { purgeDeliveries } from '../services/webhooks/purge-deliveries.js';
import type { WebhookDeliverer } from '../webhooks/webhook-deliverer.js';

type JobDeps = KeyRingDeps &
  Parameters<typeof discardUncompleted>[0] &
  Parameters<typeof sweepSessions>[0] & {
    readonly refresh: RefreshEngine;
    readonly dueRefreshes: DueRefreshes;
    readonly recentReads: RecentReads;
    readonly resealer: Resealer;
    readonly webhookDeliverer: WebhookDeliverer;
    readonly config: { readonly dataKeyDays: number };
  };

/** What the Broker does by itself, again and again. */
export function startJobs(deps: JobDeps): Scheduler {
  const scheduler = new Scheduler(deps.onBackgroundError);
  scheduler.start({
    everyMs: 5_000,
    run: () => discardUncompleted(deps, systemOrigin(createUlid(deps.clock.now()))),
  });
  scheduler.start({ everyMs: 1_000, run: () => deps.refresh.storeUnsaved() });
  scheduler.start({
    everyMs: 5_000,
    run: () => sweepSessions(deps, systemOrigin(createUlid(deps.clock.now()))),
  });
  scheduler.start({ everyMs: 300_000, run: () => purgeFlows(deps) });
  scheduler.start({ everyMs: 300_000, run: () => purgeSessions(deps) });
  scheduler.start({ everyMs: 300_000, run: () => purgeDeliveries(deps) });
  scheduler.start({ everyMs: 5_000, run: () => expirePending(deps) });
  scheduler.start({ everyMs: 1_000, run: () => deps.webhookDeliverer.run() });
  scheduler.start({ everyMs: 1_000, run: () => deps.dueRefreshes.run() });
  scheduler.start({ everyMs: 10_000, run: () => deps.dueRefreshes.keepAlive() });
  scheduler.start({ everyMs: 5_000, run: () => deps.recentReads.write() });
  scheduler.start({ everyMs: 2_000, run: () => deps.fence.beat() });
  scheduler.start({ everyMs: 2_000, run: () => deps.fence.prove() });
  scheduler.start({ everyMs: 1_000, run: () => deps.resealer.run() });
  scheduler.start({ everyMs: 60_000, run: () => rotateAgedKeys(deps, deps.config.dataKeyDays) });
  return scheduler;
}
