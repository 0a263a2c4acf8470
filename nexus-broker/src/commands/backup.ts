import { AuditLog } from '../audit/audit-log.js';
import { DatabaseClock } from '../audit/database-clock.js';
import type { Manifest } from '../backup/manifest.js';
import { takeBackup } from '../backup/take-backup.js';
import { readVersion } from '../startup/read-version.js';
import { openDatabaseFile } from '../stores/database.js';
import { toDatabaseFile } from '../stores/database-file.js';
import { loadCommandSettings, openStoredVault, requireFile, requireOwnSchema } from './command-settings.js';
import { serverBackupText } from './server-backup.js';

const exitUsage = 2;

/** Copies the database of the settings to a folder. Returns the exit code. */
export async function runBackup({ to }: { readonly to: string }): Promise<number> {
  const settings = loadCommandSettings();
  const { file } = settings;
  if (file === null) {
    // Nothing was copied, and whoever runs this by night must learn of it.
    process.stderr.write(serverBackupText);
    return exitUsage;
  }
  requireFile(file);
  const database = openDatabaseFile(file.path);
  try {
    await requireOwnSchema(database);
    const vault = await openStoredVault(settings, database);
    const clock = await DatabaseClock.open(database);
    const audit = new AuditLog({ database, vault, clock, file: null, onError: () => undefined });
    const version = await readVersion();
    const deps = { database, file, audit, version, toFile: toDatabaseFile, openFile: openDatabaseFile };
    process.stdout.write(describe(to, await takeBackup(deps, to)));
    return 0;
  } finally {
    await database[Symbol.asyncDispose]();
  }
}

function describe(folder: string, { bytes, chain, keks, sha256 }: Manifest): string {
  return [
    `backup written to ${folder}`,
    `  ${bytes} bytes, SHA-256 ${sha256}`,
    `  audit log of ${chain.size} sealed entries`,
    `  opens with ${keks.join(', ')}, which it does not hold: keep that key elsewhere`,
    '',
  ].join('\n');
}
