/** What backup and restore open: the same settings, database and keys as the Broker that serves. */
import { existsSync } from 'node:fs';
import { readEnvironment } from '@nexus/config/environment';
import { systemClock } from '@nexus/core/clock';
import type { Vault } from '@nexus/vault/vault';
import { BackupError, commandExits } from '../backup/backup-error.js';
import { checkpointFileOf } from '../backup/known-checkpoints.js';
import { type BrokerConfig, type BrokerSecrets, loadConfig, readDatabaseUrl } from '../config.js';
import { openKeyRing } from '../startup/open-key-ring.js';
import { type Database, migrationNames } from '../stores/database.js';
import { type DatabaseFile, findDatabaseFile } from '../stores/database-file.js';

export interface CommandSettings {
  readonly config: BrokerConfig;
  readonly secrets: BrokerSecrets;
  readonly databaseUrl: string;
  /** Null for a database on a server. */
  readonly file: DatabaseFile | null;
  readonly checkpointFile: string;
}

/** @throws ConfigError */
export function loadCommandSettings(): CommandSettings {
  const { config, secrets } = loadConfig(readEnvironment());
  const databaseUrl = readDatabaseUrl(config, secrets);
  const file = findDatabaseFile(databaseUrl);
  return { config, secrets, databaseUrl, file, checkpointFile: checkpointFileOf(config.dataDir) };
}

/** @throws BackupError 3 where no Broker has made a database yet. */
export function requireFile({ path }: DatabaseFile): void {
  if (!existsSync(path)) throw new BackupError(commandExits.unreadable, `There is no database at ${path}.`);
}

/** @throws BackupError 3 for a database of another release than this one, or none of ours. */
export async function requireOwnSchema(database: Database): Promise<void> {
  const applied = await database.appliedMigrations().catch((): readonly string[] => []);
  const unknown = applied.filter((name) => !migrationNames.includes(name));
  const missing = migrationNames.filter((name) => !applied.includes(name));
  if (applied.length === 0) throw new BackupError(commandExits.unreadable, 'The database holds nothing of a Broker.');
  if (unknown.length > 0) {
    throw new BackupError(commandExits.unreadable, `The database is of a newer release: ${unknown.join(', ')}.`);
  }
  if (missing.length > 0) {
    const message = `The database is of an older release, without ${missing.join(', ')}. Start the Broker on it once.`;
    throw new BackupError(commandExits.unreadable, message);
  }
}

/**
 * Opens the vault over a key ring that is there; makes no key.
 *
 * @throws VaultError naming the key that is missing or wrong; BackupError 3 without a key ring.
 */
export async function openStoredVault({ config, secrets }: CommandSettings, database: Database): Promise<Vault> {
  if ((await database.stores.keyRing.list()).length === 0) {
    throw new BackupError(commandExits.unreadable, 'The database has no key ring.');
  }
  return (await openKeyRing({ database, clock: systemClock, config, secrets })).vault;
}
