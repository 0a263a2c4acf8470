/** The refresh engine with all that stands around it, and what an earlier process of this data directory left for it. */
import { join } from 'node:path';
import type { Logger } from '@nexus/http/logger';
import { RecentReads } from '../disclosure/recent-reads.js';
import { measureGate } from '../metrics/measured-gate.js';
import { createMetrics, createScrape, type Metrics } from '../metrics/metrics.js';
import { DueRefreshes } from '../refresh/due-refreshes.js';
import { PacedGate } from '../refresh/pacing/paced-gate.js';
import { RefreshEngine } from '../refresh/refresh-engine.js';
import { RenewalSpool } from '../refresh/renewal-spool.js';
import { UnsavedRenewals } from '../refresh/unsaved-renewals.js';
import { type OverviewDeps, readOverview } from '../services/system/read-overview.js';
import { exitOnLostWrite } from './exit-on-lost-write.js';

type EngineDeps = ConstructorParameters<typeof RefreshEngine>[0];

interface OpenRefreshInput extends Omit<EngineDeps, 'unsaved' | 'gate'>, Pick<OverviewDeps, 'auditSealer'> {
  readonly dataDir: string;
  readonly logger: Logger;
  readonly onBackgroundError: (error: unknown) => void;
}

export interface Refreshing {
  readonly refresh: RefreshEngine;
  readonly unsaved: UnsavedRenewals;
  readonly dueRefreshes: DueRefreshes;
  readonly recentReads: RecentReads;
  readonly metrics: Metrics;
  readonly scrapeMetrics: () => Promise<string>;
}

interface OpenedRefresh extends Refreshing {
  /** Resolves when everything under way has committed or is kept for the next process. */
  readonly closeRefresh: () => Promise<void>;
}

/** @throws that of the file system or the database. */
export async function openRefresh(input: OpenRefreshInput): Promise<OpenedRefresh> {
  const { dataDir, auditSealer, onBackgroundError, logger, ...deps } = input;
  const { database, vault, clock } = deps;
  const spool = await RenewalSpool.open({ path: join(dataDir, 'renewals.spool'), onLostWrite: exitOnLostWrite });
  const unsaved = new UnsavedRenewals({ spool, vault, onError: onBackgroundError });
  const metrics = createMetrics();
  const scrapeMetrics = createScrape(metrics, () => readOverview({ database, auditSealer, clock, unsaved }));
  const gate = measureGate(new PacedGate({ database, clock, logger }), metrics);
  const refresh = new RefreshEngine({ ...deps, unsaved, gate });
  const dueRefreshes = new DueRefreshes({ database, clock, refresh, onBackgroundError });
  const recentReads = new RecentReads({ database, clock });
  await refresh.forgetEarlierBoots();
  await unsaved.recover(database.stores);
  const closeRefresh = async () => {
    await dueRefreshes.close();
    await recentReads.write().catch(onBackgroundError);
    await refresh.close().catch(onBackgroundError);
    await spool.close();
  };
  return { refresh, unsaved, dueRefreshes, recentReads, metrics, scrapeMetrics, closeRefresh };
}
