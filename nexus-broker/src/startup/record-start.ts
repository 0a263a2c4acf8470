import type { KeyRingRow } from '@nexus/vault/key-ring';
import type { AuditLog } from '../audit/audit-log.js';
import { systemOrigin } from '../domain/request-context.js';
import type { Database } from '../stores/database.js';

interface StartRecord {
  readonly version: string;
  readonly environment: string;
  /** Data keys this start made. */
  readonly createdKeys: readonly KeyRingRow[];
}

/** Records that the Broker started and which keys it made; a Broker that cannot write its log does not start. */
export async function recordStart(database: Database, audit: AuditLog, record: StartRecord): Promise<void> {
  const origin = systemOrigin('startup');
  const created = record.createdKeys.map(({ id, purpose }) =>
    audit.entry(
      {
        eventType: 'vault.key_added',
        outcome: 'success',
        resourceId: String(id),
        data: { key_id: String(id), purpose },
      },
      origin,
    ),
  );
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
