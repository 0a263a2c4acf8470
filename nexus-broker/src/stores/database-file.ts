/** A database that is one file, as backups and restores handle it; a server has tools of its own for both. */
import { copySqlite, findSqliteDamage, replaceSqlite, sealCopy } from './engines/sqlite-copy.js';
import { lockDataFile } from './engines/sqlite-files.js';

export interface DatabaseFile {
  readonly path: string;
  /**
   * Keeps every Broker away until the returned function is called.
   *
   * @throws Error when a Broker has it open.
   */
  hold(): () => void;
  /** Writes the state of one moment to a new file of mode 0600, while a Broker may go on writing. */
  copyTo(path: string): Promise<void>;
  /** What is wrong with its pages, indexes and references; empty for a file in order. */
  findDamage(): readonly string[];
  /** Makes it one file that is whole by itself, and durable. For whoever has it alone. */
  seal(): void;
  /**
   * Puts another file in its place in one step and keeps the old one as `keepAs`; false when there was none. For whoever
   * holds it.
   */
  replace(by: string, keepAs: string): boolean;
}

/** Null for the URL of a server. */
export function findDatabaseFile(url: string): DatabaseFile | null {
  const path = readFilePath(url);
  return path === null ? null : toDatabaseFile(path);
}

export function toDatabaseFile(path: string): DatabaseFile {
  return {
    path,
    hold: () => lockDataFile(path),
    copyTo: (copy) => copySqlite(path, copy),
    findDamage: () => findSqliteDamage(path),
    seal: () => sealCopy(path),
    replace: (by, keepAs) => replaceSqlite({ file: path, by, keepAs }),
  };
}

export function readFilePath(url: string): string | null {
  return /^sqlite:(?:\/\/)?(?<file>[^:?]+)$/.exec(url)?.groups?.['file'] ?? null;
}
