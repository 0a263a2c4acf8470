/**
 * SQLite: one writing connection that serves one transaction after the other, and one read-only connection beside it,
 * so that reads see the last commit and never wait for the next one (WAL).
 */
import Sqlite from 'better-sqlite3';
import { type Driver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql } from 'kysely';
import { decodeInteger } from '../codecs.js';
import type { Schema } from '../schema.js';
import type { Engine, Spelling } from './engine.js';
import { createDriver, type Link, type LinkSource, type Rows } from './session.js';
import { checkModes, createPrivateFile, lockDataFile } from './sqlite-files.js';

const preparedStatements = 200;
const writerWaitMs = 30_000;
const busyTimeoutMs = 5_000;

export function openSqlite(input: { readonly file: string; readonly clockOffsetMs: () => number }): Engine {
  const { file } = input;
  createPrivateFile(file);
  checkModes(file);
  const unlock = lockDataFile(file);
  const opened: Sqlite.Database[] = [];
  const close = async (): Promise<void> => {
    for (const connection of opened.reverse()) connection.close();
    unlock();
  };
  try {
    const writer = new Sqlite(file, { timeout: busyTimeoutMs });
    opened.push(writer);
    configureWriter(writer);
    const reader = new Sqlite(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
    opened.push(reader);
    reader.pragma('query_only = ON');
    checkModes(file);
    return {
      name: 'sqlite',
      reader: createKysely(createDriver(createReaderSource(reader), { isReadOnly: true })),
      writer: createKysely(createDriver(createWriterSource(writer), { isReadOnly: false })),
      spelling: createSpelling(input.clockOffsetMs),
      close,
    };
  } catch (error) {
    for (const connection of opened) connection.close();
    unlock();
    throw error;
  }
}

/** Sets what durability and integrity rest on, and reads each back: SQLite ignores a setting it cannot honour. */
function configureWriter(writer: Sqlite.Database): void {
  const settings = [
    ['journal_mode', 'WAL', 'wal'],
    ['synchronous', 'FULL', 2],
    ['foreign_keys', 'ON', 1],
    // Without it, INSERT OR REPLACE would slip past the triggers that keep the audit log append-only.
    ['recursive_triggers', 'ON', 1],
  ] as const;
  for (const [name, value, expected] of settings) {
    writer.pragma(`${name} = ${value}`);
    const actual: unknown = writer.pragma(name, { simple: true });
    if (actual !== expected) throw new Error(`SQLite keeps ${name} at ${String(actual)}; it must be ${value}.`);
  }
}

function createKysely(driver: Driver): Kysely<Schema> {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => driver,
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

/** Prepared statements are kept by their text, the least recently used one going first. */
function createLink(connection: Sqlite.Database): Link {
  const prepared = new Map<string, Sqlite.Statement>();
  const prepare = (text: string): Sqlite.Statement => {
    const statement = prepared.get(text) ?? connection.prepare(text);
    prepared.delete(text);
    prepared.set(text, statement);
    if (prepared.size > preparedStatements) prepared.delete(prepared.keys().next().value ?? text);
    return statement;
  };
  return {
    run(text: string, parameters: readonly unknown[]): Rows {
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

function createReaderSource(connection: Sqlite.Database): LinkSource {
  const link = createLink(connection);
  return { begin: 'begin', acquire: async () => link, release: () => undefined };
}

/** Transactions queue here in the order they come. */
function createWriterSource(connection: Sqlite.Database): LinkSource {
  const link = createLink(connection);
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

function createSpelling(clockOffsetMs: () => number): Spelling {
  return {
    now: (plusMs) =>
      sql<string>`strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ${`${((plusMs + clockOffsetMs()) / 1000).toFixed(3)} seconds`})`,
    text: sql`text`,
    integer: sql`integer`,
    bytes: sql`blob`,
    // Without STRICT a column would take any type, where PostgreSQL refuses.
    tableEnd: sql`strict`,
    appendOnly: (table) =>
      ['update', 'delete'].map(
        (change) =>
          sql`create trigger ${sql.id(`${table}_no_${change}`)} before ${sql.raw(change)} on ${sql.id(table)}
            begin select raise(abort, 'the table is append-only'); end`,
      ),
  };
}
