import { appendCheckpoints } from './known-checkpoints.js';
import { recordRestore } from './record-restore.js';
import { type DatabaseReport, type VerifyInput, verifyDatabase } from './verify-database.js';

export interface AcceptedRollback {
  readonly report: DatabaseReport;
  /** False where something else is wrong, or nothing was to be accepted. */
  readonly isRecorded: boolean;
}

/**
 * Accepts that a database is behind checkpoints that are known, if that is all that is wrong with it, and records it.
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
  const lines = await recordRestore({ database, vault, manifest: null, rollback: report.rollback });
  await appendCheckpoints(checkpointFile, lines);
  return { report, isRecorded: true };
}
