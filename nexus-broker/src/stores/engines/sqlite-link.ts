/**
 * The connections to a SQLite file as the driver uses them: prepared statements, the queue of the one writer, and the
 * moment at which what was committed moves from the write-ahead log into the file.
 */
import Sqlite from 'better-sqlite3';
import { decodeInteger } from '../codecs.js';
import type { Link, LinkSource, Rows } from './session.js';

const preparedStatements = 200;
const writerWaitMs = 30_000;
/** Rows read or changed by transactions after which the write-ahead log is copied into the file: some 16 MB of log, since a row dirties a few pages. */
const rowsPerCheckpoint = 1_000;
/** After one of these the kernel may have thrown away what it was to write, and a second try would report success. */
const lostWrites: ReadonlySet<string> = new Set(['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_DIR_FSYNC']);

/** Called before anybody else learns of the failure; ends the process where one serves. */
export type OnLostWrite = (error: Error) => void;

export function createReaderSource(connection: Sqlite.Database): LinkSource {
  const link = createLink(connection);
  return { begin: 'begin', acquire: async () => link, release: () => undefined };
}

/** Transactions queue here in the order they come. */
export function createWriterSource(connection: Sqlite.Database, onLostWrite: OnLostWrite): LinkSource {
  const link = createWriter(connection, onLostWrite);
  const waiting: (() => void)[] = [];
  let isHeld = false;
  return {
    // IMMEDIATE takes the write lock at once: a transaction that reads first cannot find its snapshot outdated later.
    begin: 'begin immediate',
    async acquire() {
      if (isHeld) await waitForTurn(waiting);
      isHeld = true;
      return link;
    },
    release() {
      const next = waiting.shift();
      if (next === undefined) isHeld = false;
      else next();
    },
  };
}

/** Runs `work` and tells of a write that may be lost before its error goes on. */
export function watchWrites<T>(onLostWrite: OnLostWrite, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Sqlite.SqliteError && lostWrites.has(error.code)) onLostWrite(error);
    throw error;
  }
}

function createWriter(connection: Sqlite.Database, onLostWrite: OnLostWrite): Link {
  const link = createLink(connection);
  let touchedRows = 0;
  return {
    ...link,
    run(text, parameters) {
      const rows = watchWrites(onLostWrite, () => link.run(text, parameters));
      touchedRows += rows.affected;
      if (text === 'commit' && touchedRows >= rowsPerCheckpoint && checkpoint(connection, onLostWrite)) touchedRows = 0;
      return rows;
    },
  };
}

/** SQLite's own automatic checkpoint would keep a failed `fsync` of the file to itself. */
function checkpoint(connection: Sqlite.Database, onLostWrite: OnLostWrite): boolean {
  try {
    watchWrites(onLostWrite, () => connection.pragma('wal_checkpoint(PASSIVE)'));
    return true;
  } catch {
    // What was committed is safe in the log, on a full disk too; the next commit tries again.
    return false;
  }
}

/** A link that answers at once. */
interface DirectLink extends Link {
  run(sql: string, parameters: readonly unknown[]): Rows;
}

/** Prepared statements are kept by their text, the least recently used one going first. */
function createLink(connection: Sqlite.Database): DirectLink {
  const prepared = new Map<string, Sqlite.Statement>();
  const prepare = (text: string): Sqlite.Statement => {
    const statement = prepared.get(text) ?? connection.prepare(text);
    prepared.delete(text);
    prepared.set(text, statement);
    if (prepared.size > preparedStatements) prepared.delete(prepared.keys().next().value ?? text);
    return statement;
  };
  return {
    run(text, parameters) {
      // A full disk ends the transaction by itself; there is nothing left to roll back then.
      if (text === 'rollback' && !connection.inTransaction) return { rows: [], affected: 0 };
      const statement = prepare(text);
      if (statement.reader) {
        const rows = statement.all(parameters) as Record<string, unknown>[];
        rows.forEach(checkIntegers);
        return { rows, affected: rows.length };
      }
      return { rows: [], affected: statement.run(parameters).changes };
    },
    isLost: () => false,
    isUniqueViolation: (error) =>
      error instanceof Sqlite.SqliteError &&
      (error.code === 'SQLITE_CONSTRAINT_UNIQUE' || error.code === 'SQLITE_CONSTRAINT_PRIMARYKEY'),
  };
}

/** A 64-bit integer arrives as a number, rounded where it is beyond 2^53; nothing rounded is handed on. */
function checkIntegers(row: Record<string, unknown>): void {
  for (const column in row) {
    const value = row[column];
    if (typeof value === 'number') decodeInteger(value);
  }
}

function waitForTurn(waiting: (() => void)[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const enter = (): void => {
      clearTimeout(timer);
      resolve();
    };
    // A transaction opened inside another would otherwise wait for itself for ever.
    const timer = setTimeout(() => {
      waiting.splice(waiting.indexOf(enter), 1);
      reject(new Error(`The database's writer was busy for ${writerWaitMs / 1000} s.`));
    }, writerWaitMs);
    waiting.push(enter);
  });
}
