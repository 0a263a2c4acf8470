/** Puts a verified backup in the place of the database, in one step and on record. */
import type { Vault } from '@nexus/vault/vault';
import type { Database } from '../stores/database.js';
import type { DatabaseFile } from '../stores/database-file.js';
import { appendCheckpoints } from './known-checkpoints.js';
import type { Manifest } from './manifest.js';
import { recordRestore } from './record-restore.js';
import { removeStaged, stageBackup } from './stage-backup.js';
import { type DatabaseReport, reportDamage, type VerifyInput, verifyDatabase } from './verify-database.js';

export interface RestoreDeps {
  /** The database of the settings. */
  readonly file: DatabaseFile;
  readonly checkpointFile: string;
  /** Of this release, in order. */
  readonly migrations: readonly string[];
  readonly toFile: (path: string) => DatabaseFile;
  readonly openFile: (path: string) => Database;
  readonly openVault: (database: Database) => Promise<Vault>;
}

export type RestoreInput = Pick<VerifyInput, 'notes' | 'archives' | 'acceptRollback' | 'acceptDamage'> & {
  readonly folder: string;
};

export interface ExaminedBackup {
  readonly manifest: Manifest;
  readonly report: DatabaseReport;
}

export interface RestoredBackup extends ExaminedBackup {
  /** Whether the backup is in its place now; only one that verifies, or whose damage is accepted, gets there. */
  readonly isRestored: boolean;
  /** Where the database that was there before is kept; null when there was none or nothing was replaced. */
  readonly keptAs: string | null;
}

/**
 * Verifies a backup and changes nothing, also while a Broker serves.
 *
 * @throws BackupError, VaultError.
 */
export async function verifyBackup(deps: RestoreDeps, input: RestoreInput): Promise<ExaminedBackup> {
  const staged = `${deps.file.path}.verifying`;
  const release = deps.toFile(staged).hold();
  try {
    return await examine(deps, input, staged, async () => undefined);
  } finally {
    await removeStaged(staged);
    release();
  }
}

/**
 * Replaces the database by a backup that verifies, or whose damage is accepted; otherwise nothing changes.
 *
 * @throws BackupError, VaultError, Error while a Broker has the database open.
 */
export async function restoreBackup(deps: RestoreDeps, input: RestoreInput, now: Date): Promise<RestoredBackup> {
  const { file } = deps;
  const staged = `${file.path}.restoring`;
  const release = file.hold();
  try {
    let lines: string | null = null;
    const examined = await examine(deps, input, staged, async (record) => {
      lines = await recordRestore(record);
    });
    if (lines === null) return { ...examined, isRestored: false, keptAs: null };
    const keepAs = `${file.path}.before-restore-${now.toISOString().replaceAll(/[:.]/g, '-')}`;
    const isKept = file.replace(staged, keepAs);
    await appendCheckpoints(deps.checkpointFile, lines);
    return { ...examined, isRestored: true, keptAs: isKept ? keepAs : null };
  } finally {
    await removeStaged(staged);
    release();
  }
}

type RecordInput = Parameters<typeof recordRestore>[0];

/** Calls `record` with the staged copy if it verifies. The copy is closed afterwards. */
async function examine(
  deps: RestoreDeps,
  { folder, ...judged }: RestoreInput,
  staged: string,
  record: (input: RecordInput) => Promise<void>,
): Promise<ExaminedBackup> {
  const manifest = await stageBackup(folder, staged, deps.migrations);
  const damage = deps.toFile(staged).findDamage();
  if (damage.length > 0) return { manifest, report: reportDamage(damage) };
  const database = deps.openFile(staged);
  try {
    await database.migrate();
    const vault = await deps.openVault(database);
    const report = await verifyDatabase({ database, vault, ...judged });
    if (report.exitCode === 0) await record({ database, vault, manifest, ...report });
    return { manifest, report };
  } finally {
    await database[Symbol.asyncDispose]();
  }
}
