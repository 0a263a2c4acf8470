/**
 * The data file and its companions: readable by their owner only, and held by one Broker at a time. The lock is one of
 * the operating system's, taken through a second small database, so it ends with the process however that ends.
 */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';

/** Creates what is missing with mode 0600. SQLite gives `-wal` and `-shm` the mode of the data file. */
export function createPrivateFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (existsSync(file)) return;
  closeSync(openSync(file, 'a', 0o600));
  // The umask may have taken more away than intended.
  chmodSync(file, 0o600);
}

/** @throws Error naming the file that others could read or write. */
export function checkModes(file: string): void {
  for (const path of [file, `${file}-wal`, `${file}-shm`]) {
    if (process.platform === 'win32' || !existsSync(path)) continue;
    const mode = statSync(path).mode & 0o777;
    if ((mode & 0o077) !== 0) {
      throw new Error(`${path} has mode ${mode.toString(8).padStart(4, '0')}; it must be 0600. Run: chmod 600 ${path}`);
    }
  }
}

/** Holds the data file for this process until the returned function is called. */
export function lockDataFile(file: string): () => void {
  const path = `${file}.lock`;
  createPrivateFile(path);
  const lock = new Sqlite(path, { timeout: 0 });
  try {
    lock.pragma('locking_mode = EXCLUSIVE');
    lock.exec('begin exclusive');
  } catch (cause) {
    lock.close();
    throw new Error(`Another Broker has ${file} open. SQLite serves exactly one Broker; use PostgreSQL for more.`, {
      cause,
    });
  }
  return () => lock.close();
}
