import type { CreatedDataKey } from '@nexus/vault/key-ring';
import type { AuditLog } from '../audit/audit-log.js';
import { systemOrigin } from '../domain/request-context.js';
import { describeAddedKey } from '../keyring/add-data-key.js';
import type { Database } from '../stores/database.js';

interface StartRecord {
  readonly version: string;
  readonly environment: string;
  /** Data keys this start made. */
  readonly createdKeys: readonly CreatedDataKey[];
}

/** Records that the Broker started and which keys it made; a Broker that cannot write its log does not start. */
export async function recordStart(database: Database, audit: AuditLog, record: StartRecord): Promise<void> {
  const origin = systemOrigin('startup');
  const created = record.createdKeys.map((key) => audit.entry(describeAddedKey(key), origin));
  const started = audit.entry(
    {
      eventType: 'service.started',
      outcome: 'success',
      data: { version: record.version, database: database.engine, environment: record.environment },
    },
    origin,
  );
  await database.transaction((stores) => stores.audit.insert([...created, started]));
}

export function recordStop(audit: AuditLog, signal: string): Promise<void> {
  return audit.disclose(
    { eventType: 'service.stopped', outcome: 'success', data: { signal } },
    systemOrigin('shutdown'),
  );
}
