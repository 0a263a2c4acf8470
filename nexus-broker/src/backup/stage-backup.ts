import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BackupError, commandExits } from './backup-error.js';
import { backupPaths, type Manifest, readManifest } from './manifest.js';

/**
 * Copies the database of a backup to a path of its own, so that what is verified is what will be used, whatever happens
 * to the backup meanwhile.
 *
 * @throws BackupError 3 for a backup without a proper manifest, with other bytes than the manifest says, or of a newer
 * release than this one.
 */
export async function stageBackup(folder: string, path: string, knownMigrations: readonly string[]): Promise<Manifest> {
  const manifest = await readManifest(folder);
  const unknown = manifest.migrations.filter((name) => !knownMigrations.includes(name));
  if (unknown.length > 0) {
    const message = `The backup was made by a newer release, ${manifest.version}: this one does not know ${unknown.join(', ')}.`;
    throw new BackupError(commandExits.unreadable, message);
  }
  await removeStaged(path);
  const source = backupPaths(folder).database;
  const sha256 = await copyAndHash(source, path).catch((cause: NodeJS.ErrnoException) => {
    throw new BackupError(commandExits.unreadable, `${source} cannot be copied (${cause.code ?? 'unknown error'}).`);
  });
  if (sha256 !== manifest.sha256) {
    throw new BackupError(
      commandExits.unreadable,
      `${source} is not the file its manifest describes: SHA-256 differs.`,
    );
  }
  return manifest;
}

/** Also what SQL left beside it. */
export async function removeStaged(path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(path + suffix, { force: true });
}

async function copyAndHash(source: string, target: string): Promise<string> {
  const hash = createHash('sha256');
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(createReadStream(source), watch, createWriteStream(target, { flags: 'wx', mode: 0o600 }));
  return hash.digest('hex');
}
