/**
 * Copies the database to a folder while a Broker goes on writing. The folder appears whole, with a manifest, once the
 * log says that the backup exists; a run that dies leaves nothing under its name.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { AuditLog } from '../audit/audit-log.js';
import { systemOrigin } from '../domain/request-context.js';
import type { Database } from '../stores/database.js';
import type { DatabaseFile } from '../stores/database-file.js';
import { BackupError, commandExits } from './backup-error.js';
import { backupFormat, backupPaths, hashFile, type Manifest } from './manifest.js';

export interface BackupDeps {
  /** The database that is copied, opened beside the Broker that serves from it. */
  readonly database: Database;
  readonly file: DatabaseFile;
  readonly audit: AuditLog;
  readonly version: string;
  readonly toFile: (path: string) => DatabaseFile;
  readonly openFile: (path: string) => Database;
}

/**
 * Returns the manifest of the backup in `folder`, which must not exist.
 *
 * @throws BackupError 1 for a folder that exists or cannot be made, 3 when the copy is damaged; NexusError
 * `audit_unavailable`: there is no backup then.
 */
export async function takeBackup(deps: BackupDeps, folder: string): Promise<Manifest> {
  const target = resolve(folder);
  if (existsSync(target)) throw new BackupError(commandExits.failed, `${target} exists; name a folder that does not.`);
  const draft = `${target}.${randomBytes(4).toString('hex')}.partial`;
  await mkdir(draft, { mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    throw new BackupError(commandExits.failed, `${draft} cannot be made (${cause.code ?? 'unknown error'}).`);
  });
  try {
    const manifest = await copy(deps, draft);
    await recordBackup(deps, manifest);
    await rename(draft, target);
    await sync(dirname(target));
    return manifest;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

async function copy(deps: BackupDeps, draft: string): Promise<Manifest> {
  const paths = backupPaths(draft);
  const createdAt = await deps.database.now();
  await deps.file.copyTo(paths.database);
  const copied = deps.toFile(paths.database);
  const damage = copied.findDamage();
  if (damage.length > 0) {
    throw new BackupError(commandExits.unreadable, `The database is damaged:\n${damage.join('\n')}`);
  }
  const facts = await readFacts(deps, paths.database);
  copied.seal();
  const manifest = {
    format: backupFormat,
    created_at: createdAt,
    version: deps.version,
    bytes: (await stat(paths.database)).size,
    sha256: await hashFile(paths.database),
    ...facts,
  } as const;
  const file = await open(paths.manifest, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await sync(draft);
  return manifest;
}

/** What the copy itself says: the database has gone on since. */
async function readFacts(
  { openFile }: BackupDeps,
  path: string,
): Promise<Pick<Manifest, 'migrations' | 'chain' | 'checkpoint' | 'keks'>> {
  const database = openFile(path);
  try {
    const { auditChain, keyRing } = database.stores;
    const head = await auditChain.head();
    const checkpoint = await auditChain.newestCheckpoint();
    const rows = (await keyRing.list()).filter((row) => row.state !== 'destroyed');
    return {
      migrations: [...(await database.appliedMigrations())],
      chain: { size: head?.seq ?? 0, head: head === null ? null : Buffer.from(head.hash).toString('hex') },
      checkpoint: checkpoint?.note ?? null,
      keks: [...new Set(rows.map((row) => row.wrappedBy))].sort(),
    };
  } finally {
    await database[Symbol.asyncDispose]();
  }
}

async function recordBackup({ database, audit }: BackupDeps, { sha256, chain }: Manifest): Promise<void> {
  const entry = audit.entry(
    {
      eventType: 'backup.taken',
      outcome: 'success',
      data: { sha256, size: chain.size, head: chain.head, database: database.engine },
    },
    systemOrigin('backup'),
  );
  await database.transaction((stores) => stores.audit.insert([entry]));
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
