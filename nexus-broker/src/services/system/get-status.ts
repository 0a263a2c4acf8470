import type { Clock } from '@nexus/core/clock';
import type { Database } from '../../stores/database.js';

export interface GetStatusDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly environment: 'production' | 'development';
  readonly version: string;
}

export async function getStatus(deps: GetStatusDeps) {
  const { stores } = deps.database;
  const connections = await stores.connections.countByStatus();
  const keys = await stores.keyRing.list();
  return {
    version: deps.version,
    environment: deps.environment,
    uptime_seconds: Math.floor((deps.clock.now() - deps.startedAt) / 1_000),
    database: deps.database.engine,
    migrations: [...(await deps.database.appliedMigrations())],
    connections,
    audit_grants: false,
    keys: keys.map(({ id, purpose, state, createdAt }) => ({ id, purpose, state, created_at: createdAt })),
  };
}
