/** Whole copies of a SQLite file: taken while a Broker writes to it, looked through, and put in its place. */
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { createPrivateFile } from './sqlite-files.js';

const busyTimeoutMs = 5_000;
/** All pages in one step: a copy in several steps begins anew whenever another process writes in between. */
const allPages = 0x7fff_ffff;

/**
 * Copies the state of one moment into a new file, which is not durable yet. Writers go on meanwhile; the write-ahead
 * log grows until it is done.
 *
 * @throws Error of the file system or of SQLite; the copy is of no use then.
 */
export async function copySqlite(file: string, copy: string): Promise<void> {
  createPrivateFile(copy);
  const source = new Sqlite(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
  try {
    await source.backup(copy, { progress: () => allPages });
  } finally {
    source.close();
  }
}

/** Makes the copy one file that is whole by itself, and durable. */
export function sealCopy(copy: string): void {
  const connection = new Sqlite(copy, { fileMustExist: true });
  try {
    const mode: unknown = connection.pragma('journal_mode = DELETE', { simple: true });
    if (mode !== 'delete') throw new Error(`SQLite keeps the copy's journal_mode at ${String(mode)}.`);
  } finally {
    connection.close();
  }
  syncPath(copy);
}

/** What SQLite finds wrong with the pages, indexes and references of a file; empty for one in order. */
export function findSqliteDamage(file: string): readonly string[] {
  let connection: Sqlite.Database | null = null;
  try {
    connection = new Sqlite(file, { fileMustExist: true, timeout: busyTimeoutMs });
    const lines = connection.pragma('integrity_check(20)') as { readonly integrity_check: string }[];
    const found = lines.map((line) => line.integrity_check).filter((line) => line !== 'ok');
    const orphans = connection.pragma('foreign_key_check') as { readonly table: string }[];
    return [...found, ...orphans.map(({ table }) => `a row of ${table} refers to one that is not there`).slice(0, 20)];
  } catch (error) {
    if (error instanceof Sqlite.SqliteError) return [error.message];
    throw error;
  } finally {
    connection?.close();
  }
}

/**
 * Puts a file in the place of another in one step; whoever looks sees the old or the new one. The old one is kept under
 * another name; false when there was none. Nobody has either open.
 */
export function replaceSqlite(input: { readonly file: string; readonly by: string; readonly keepAs: string }): boolean {
  const { file, by, keepAs } = input;
  sealCopy(by);
  const isThere = existsSync(file);
  if (isThere) keepOld(file, keepAs);
  renameSync(by, file);
  syncPath(dirname(file));
  return isThere;
}

/**
 * The write-ahead log of the old file must be gone before the new one takes its name: SQLite would apply it. Its content
 * goes into the file first, so that a crash in between leaves that whole. A file that is too damaged for it is kept as it
 * was found, with its log.
 */
function keepOld(file: string, keepAs: string): void {
  dropSecondNames(file);
  if (!absorbLog(file, keepAs)) return;
  linkSync(file, keepAs);
  syncPath(dirname(file));
}

/** Leaves the file without companions. False when it could not take up its log, and copies of both were made. */
function absorbLog(file: string, keepAs: string): boolean {
  const hasLog = existsSync(`${file}-wal`) && statSync(`${file}-wal`).size > 0;
  const copied = hasLog ? ['', '-wal'] : [];
  for (const suffix of copied) {
    copyFileSync(file + suffix, keepAs + suffix, constants.COPYFILE_EXCL);
    syncPath(keepAs + suffix);
  }
  let isWhole = !hasLog;
  try {
    if (hasLog) sealCopy(file);
    isWhole = true;
  } catch {
    // What there was is kept.
  }
  if (isWhole) for (const suffix of copied) rmSync(keepAs + suffix);
  for (const suffix of ['-wal', '-shm', '-journal']) rmSync(file + suffix, { force: true });
  return isWhole;
}

/** A replacement that was killed half-way left the file with two names. */
function dropSecondNames(file: string): void {
  const { ino } = statSync(file);
  for (const name of readdirSync(dirname(file))) {
    const path = join(dirname(file), name);
    if (name !== basename(file) && statSync(path).ino === ino) rmSync(path);
  }
}

/** Writes a file or a folder's list of names through to the disk. */
function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
