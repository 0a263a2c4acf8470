import { type Clock, toEpochMs } from '@nexus/core/clock';
import type { AuditSealer } from '../../audit/audit-sealer.js';
import type { Database } from '../../stores/database.js';

export interface GetStatusDeps {
  readonly database: Database;
  readonly auditSealer: AuditSealer;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly environment: 'production' | 'development';
  readonly version: string;
}

export async function getStatus(deps: GetStatusDeps) {
  const { stores } = deps.database;
  const connections = await stores.connections.countByStatus();
  const keys = await stores.keyRing.list();
  const sealing = await deps.auditSealer.status();
  return {
    version: deps.version,
    environment: deps.environment,
    uptime_seconds: Math.floor((deps.clock.now() - deps.startedAt) / 1_000),
    database: deps.database.engine,
    migrations: [...(await deps.database.appliedMigrations())],
    connections,
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
