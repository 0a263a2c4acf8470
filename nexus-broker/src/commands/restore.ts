import { createReadStream, existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { acceptRollback } from '../backup/accept-rollback.js';
import { BackupError, commandExits } from '../backup/backup-error.js';
import { expectQuiet } from '../backup/expect-quiet.js';
import { readNotes, readOwnNotes } from '../backup/known-checkpoints.js';
import { type RestoreDeps, restoreBackup, verifyBackup } from '../backup/restore-backup.js';
import { type DatabaseReport, reportDamage, type VerifyInput, verifyDatabase } from '../backup/verify-database.js';
import { type Database, migrationNames, openDatabase, openDatabaseFile } from '../stores/database.js';
import { type DatabaseFile, toDatabaseFile } from '../stores/database-file.js';
import {
  type CommandSettings,
  loadCommandSettings,
  openStoredVault,
  requireFile,
  requireOwnSchema,
} from './command-settings.js';
import { describeManifest, describeReport } from './describe-report.js';
import type { RestoreCommand } from './read-command.js';
import { serverBackupText } from './server-backup.js';

const exitUsage = 2;

type Evidence = Pick<VerifyInput, 'notes' | 'archives'>;

/** Restores or verifies. Returns the exit code: 0 when all that was asked for was done and found good. */
export async function runRestore(command: RestoreCommand): Promise<number> {
  const settings = loadCommandSettings();
  // On a new machine the folder of checkpoints.log may be missing where the database lies elsewhere.
  if (!command.isVerifyOnly) await mkdir(settings.config.dataDir, { recursive: true, mode: 0o700 });
  const evidence = await readEvidence(command, settings);
  if (command.from === null) return lookAtDatabase(command, settings, evidence);
  if (settings.file === null) {
    process.stderr.write(serverBackupText);
    return exitUsage;
  }
  return restoreFrom(command.from, command, { ...settings, file: settings.file }, evidence);
}

async function readEvidence(command: RestoreCommand, settings: CommandSettings): Promise<Evidence> {
  const given = await Promise.all(command.checkpointFiles.map((path) => readNotes(path)));
  const missing = command.archiveFiles.find((path) => !existsSync(path));
  if (missing !== undefined) throw new BackupError(commandExits.unreadable, `There is no archive ${missing}.`);
  return {
    notes: [...(await readOwnNotes(settings.checkpointFile)), ...given.flat()],
    archives: command.archiveFiles.map((path) => ({ name: path, open: () => createReadStream(path) })),
  };
}

async function restoreFrom(
  folder: string,
  { isVerifyOnly, acceptRollback: accept, acceptDamage }: RestoreCommand,
  settings: CommandSettings & { readonly file: DatabaseFile },
  evidence: Evidence,
): Promise<number> {
  const deps: RestoreDeps = {
    file: settings.file,
    checkpointFile: settings.checkpointFile,
    migrations: migrationNames,
    toFile: toDatabaseFile,
    openFile: openDatabaseFile,
    openVault: (database) => openStoredVault(settings, database),
  };
  const input = { ...evidence, folder, acceptRollback: accept, acceptDamage };
  if (isVerifyOnly) {
    const { manifest, report } = await verifyBackup(deps, input);
    say(describeManifest(folder, manifest));
    return tell(report, accept);
  }
  const { manifest, report, isRestored, keptAs } = await restoreBackup(deps, input, new Date());
  say(describeManifest(folder, manifest));
  const exitCode = tell(report, accept);
  if (!isRestored) say('nothing was restored; the database is as it was');
  else say(`restored to ${settings.file.path}${keptAs === null ? '' : `\nwhat was there before is kept as ${keptAs}`}`);
  return exitCode;
}

/** The database of the settings, wherever it is. */
async function lookAtDatabase(command: RestoreCommand, settings: CommandSettings, evidence: Evidence): Promise<number> {
  const { file } = settings;
  if (file === null) {
    await using database = await openDatabase({ url: settings.databaseUrl, poolSize: 2 });
    await requireOwnSchema(database);
    await expectQuiet(database);
    return await judge(command, settings, database, evidence);
  }
  requireFile(file);
  const release = file.hold();
  try {
    const damage = file.findDamage();
    if (damage.length > 0) return tell(reportDamage(damage), false);
    await using database = openDatabaseFile(file.path);
    await requireOwnSchema(database);
    return await judge(command, settings, database, evidence);
  } finally {
    release();
  }
}

async function judge(
  { isVerifyOnly, acceptRollback: accept, acceptDamage }: RestoreCommand,
  settings: CommandSettings,
  database: Database,
  evidence: Evidence,
): Promise<number> {
  const vault = await openStoredVault(settings, database);
  const input = { database, vault, ...evidence, acceptDamage };
  if (isVerifyOnly) return tell(await verifyDatabase({ ...input, acceptRollback: accept }), accept);
  const { report, isRecorded } = await acceptRollback(input, settings.checkpointFile);
  const exitCode = tell(report, true);
  if (isRecorded) say('the rollback is accepted and recorded; the Broker may start');
  else if (exitCode === 0) say('the log goes through every checkpoint; there is nothing to accept');
  return exitCode;
}

/** Findings go to standard error, all else to standard output. */
function tell(report: DatabaseReport, isAccepted: boolean): number {
  const { findings, lines } = describeReport(report, isAccepted);
  for (const line of findings) process.stderr.write(`${line}\n`);
  say(lines.join('\n'));
  return report.exitCode;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
