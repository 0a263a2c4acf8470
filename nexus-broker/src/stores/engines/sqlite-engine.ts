/**
 * SQLite: one writing connection that serves one transaction after the other, and one read-only connection beside it,
 * so that reads see the last commit and never wait for the next one (WAL).
 */
import Sqlite from 'better-sqlite3';
import { type Driver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql } from 'kysely';
import type { Schema } from '../schema.js';
import type { Engine, Spelling } from './engine.js';
import { createDriver } from './session.js';
import { checkModes, createPrivateFile, lockDataFile } from './sqlite-files.js';
import { createReaderSource, createWriterSource, type OnLostWrite, watchWrites } from './sqlite-link.js';

const busyTimeoutMs = 5_000;

interface SqliteInput {
  readonly file: string;
  readonly clockOffsetMs: () => number;
  /** Opens a file that is there without taking it: a Broker may be at work on it, or the caller holds it already. */
  readonly isBeside: boolean;
  readonly onLostWrite: OnLostWrite;
}

/** @throws Error when the file is open in another Broker, has loose modes, or a durability setting cannot be had. */
export function openSqlite(input: SqliteInput): Engine {
  const { file, isBeside, onLostWrite } = input;
  if (!isBeside) createPrivateFile(file);
  checkModes(file);
  const unlock = isBeside ? () => undefined : lockDataFile(file);
  const opened: Sqlite.Database[] = [];
  const close = async (): Promise<void> => {
    for (const connection of opened.reverse()) connection.close();
    unlock();
  };
  try {
    const writer = new Sqlite(file, { fileMustExist: true, timeout: busyTimeoutMs });
    opened.push(writer);
    watchWrites(onLostWrite, () => configureWriter(writer));
    const reader = new Sqlite(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
    opened.push(reader);
    reader.pragma('query_only = ON');
    checkModes(file);
    return {
      name: 'sqlite',
      reader: createKysely(createDriver(createReaderSource(reader), { isReadOnly: true })),
      writer: createKysely(createDriver(createWriterSource(writer, onLostWrite), { isReadOnly: false })),
      spelling: createSpelling(input.clockOffsetMs),
      // A file has no roles: whoever may write to it may drop its triggers.
      refusesChanges: async () => false,
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
    // The writer checkpoints by itself, since SQLite tells nobody when an automatic checkpoint fails.
    ['wal_autocheckpoint', '0', 0],
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

function createSpelling(clockOffsetMs: () => number): Spelling {
  return {
    now: (plusMs) =>
      sql<string>`strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ${`${((plusMs + clockOffsetMs()) / 1000).toFixed(3)} seconds`})`,
    text: sql`text`,
    integer: sql`integer`,
    bytes: sql`blob`,
    // Without STRICT a column would take any type, where PostgreSQL refuses.
    tableEnd: sql`strict`,
    // Transactions queue as a whole.
    giveWay: [],
    appendOnly: (table) =>
      ['update', 'delete'].map(
        (change) =>
          sql`create trigger ${sql.id(`${table}_no_${change}`)} before ${sql.raw(change)} on ${sql.id(table)}
            begin select raise(abort, 'the table is append-only'); end`,
      ),
    allowChanges: (table) => ['update', 'delete'].map((change) => sql`drop trigger ${sql.id(`${table}_no_${change}`)}`),
  };
}
