import { ConfigError } from '@nexus/config/load';
import { VaultError } from '@nexus/vault/key-provider';
import { BackupError } from '../backup/backup-error.js';
import { UsageError } from './read-command.js';

const exitUsage = 2;
/** EX_CONFIG of sysexits.h: a restart will not help. */
const exitConfiguration = 78;
/** EX_TEMPFAIL: a key provider that cannot be reached may answer the next start. */
const exitUnavailable = 75;

/** What the supervisor, or whoever called the command, is told. */
export function chooseExitCode(error: unknown): number {
  if (error instanceof BackupError) return error.exitCode;
  if (error instanceof UsageError) return exitUsage;
  if (error instanceof VaultError) return error.code === 'provider_failed' ? exitUnavailable : exitConfiguration;
  return error instanceof ConfigError ? exitConfiguration : 1;
}
