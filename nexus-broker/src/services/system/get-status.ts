import { toEpochMs } from '@nexus/core/clock';
import type { Metrics } from '../../metrics/metrics.js';
import { type OverviewDeps, readOverview } from './read-overview.js';

export interface GetStatusDeps extends OverviewDeps {
  readonly metrics: Pick<Metrics, 'calls'>;
  readonly startedAt: number;
  readonly environment: 'production' | 'development';
  readonly version: string;
}

export async function getStatus(deps: GetStatusDeps) {
  const { stores } = deps.database;
  const overview = await readOverview(deps);
  const keys = await stores.keyRing.list();
  const sealing = await deps.auditSealer.status();
  return {
    version: deps.version,
    environment: deps.environment,
    uptime_seconds: Math.floor((deps.clock.now() - deps.startedAt) / 1_000),
    database: deps.database.engine,
    migrations: [...(await deps.database.appliedMigrations())],
    connections: overview.connections,
    attention: overview.attention,
    refresh: {
      backlog: overview.backlog,
      in_doubt: overview.inDoubt,
      unsaved: overview.unsaved,
      closest: overview.closest.map((token) => ({
        connection_ref: token.connectionRef,
        provider_id: token.providerId,
        expires_in_seconds: token.expiresInSeconds,
      })),
      blocked: overview.blocked.map(({ key, state, since, retryAt }) => ({ key, state, since, retry_at: retryAt })),
      calls: (await deps.metrics.calls.get()).values.map(({ labels, value }) => ({
        provider: String(labels.provider),
        outcome: String(labels.outcome),
        count: value,
      })),
    },
    audit_grants: await deps.database.hasAuditGrants(),
    keys: keys.map(({ id, purpose, state, createdAt }) => ({
      id,
      purpose,
      state,
      created_at: createdAt,
      age_seconds: Math.max(0, Math.floor((deps.clock.now() - toEpochMs(createdAt)) / 1_000)),
    })),
    sealing: {
      sealed: sealing.sealed,
      lag_seconds: sealing.lagSeconds,
      refused: sealing.refused,
      checkpoint_size: sealing.checkpointSize,
      checkpoint_at: sealing.checkpointAt,
    },
  };
}
