import { appendCheckpoints } from './known-checkpoints.js';
import { recordRestore } from './record-restore.js';
import { type DatabaseReport, type VerifyInput, verifyDatabase } from './verify-database.js';

export interface AcceptedRollback {
  readonly report: DatabaseReport;
  /** False where something else is wrong, or nothing was to be accepted. */
  readonly isRecorded: boolean;
}

/**
 * Accepts that a database is behind checkpoints that are known, if nothing else is wrong with it, or only
 * damage that is accepted too, and records both.
 *
 * @throws BackupError, NexusError `audit_unavailable`.
 */
export async function acceptRollback(
  input: Omit<VerifyInput, 'acceptRollback'>,
  checkpointFile: string,
): Promise<AcceptedRollback> {
  const { database, vault } = input;
  const report = await verifyDatabase({ ...input, acceptRollback: true });
  if (report.exitCode !== 0 || report.rollback === null) return { report, isRecorded: false };
  const lines = await recordRestore({ database, vault, manifest: null, ...report });
  await appendCheckpoints(checkpointFile, lines);
  return { report, isRecorded: true };
}
