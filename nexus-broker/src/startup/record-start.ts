import type { AuditLog } from '../audit/audit-log.js';
import type { CheckpointFileFaults } from '../backup/rollback.js';
import { systemOrigin } from '../domain/request-context.js';
import type { Database } from '../stores/database.js';

interface StartRecord {
  readonly version: string;
  readonly environment: string;
  readonly checkpointFaults: CheckpointFileFaults;
}

/** Records that the Broker started; a Broker that cannot write its log does not start. */
export async function recordStart(database: Database, audit: AuditLog, record: StartRecord): Promise<void> {
  const { isLost, forged } = record.checkpointFaults;
  const started = audit.entry(
    {
      eventType: 'service.started',
      outcome: 'success',
      data: {
        version: record.version,
        database: database.engine,
        environment: record.environment,
        ...(isLost ? { checkpoints_lost: true } : {}),
        ...(forged > 0 ? { checkpoints_forged: forged } : {}),
      },
    },
    systemOrigin('startup'),
  );
  await database.transaction((stores) => stores.audit.insert([started]));
}

export function recordStop(audit: AuditLog, signal: string): Promise<void> {
  return audit.disclose(
    { eventType: 'service.stopped', outcome: 'success', data: { signal } },
    systemOrigin('shutdown'),
  );
}
