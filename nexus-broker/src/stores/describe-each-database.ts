import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createScratchDatabase } from '@nexus/testkit/postgres';
import Sqlite from 'better-sqlite3';
import pg from 'pg';
import { afterAll, describe } from 'vitest';
import { type Database, type DatabaseOptions, openDatabase } from './database.js';

type OpenOptions = Omit<DatabaseOptions, 'url'> & {
  /** A database made by `createUrl`; without it, a new one. */
  readonly url?: string;
  /** False leaves the schema as it is. */
  readonly migrate?: boolean;
};

export interface DatabaseFixture {
  readonly engine: 'sqlite' | 'postgres';
  /** An empty database of its own. */
  createUrl(): Promise<string>;
  /** Runs a statement beside the Broker, as an operator could, and returns its rows. */
  runSql(url: string, statement: string): Promise<readonly Record<string, unknown>[]>;
  /** Whatever is still open at the end of the suite is closed then. */
  track(database: Database): Database;
}

export type OpenTestDatabase = (options?: OpenOptions) => Promise<Database>;

/** Runs the same suite on SQLite and on PostgreSQL. `open` gives a migrated database; the suite's end disposes of it. */
export function describeEachDatabase(
  name: string,
  suite: (open: OpenTestDatabase, fixture: DatabaseFixture) => void,
): void {
  describe.each(['sqlite', 'postgres'] as const)(`${name} on %s`, (engine) => {
    const cleanups: (() => Promise<void> | void)[] = [];
    afterAll(async () => {
      for (const cleanup of cleanups.reverse()) await cleanup();
    });
    const fixture: DatabaseFixture = {
      engine,
      async createUrl() {
        if (engine === 'postgres') {
          const scratch = await createScratchDatabase();
          cleanups.push(() => scratch[Symbol.asyncDispose]());
          return scratch.url;
        }
        const directory = mkdtempSync(join(tmpdir(), 'nexus-sqlite-'));
        cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
        return `sqlite:${join(directory, 'nexus.db')}`;
      },
      runSql: (url, statement) => (engine === 'postgres' ? runOnPostgres(url, statement) : runOnSqlite(url, statement)),
      track(database) {
        cleanups.push(() => database[Symbol.asyncDispose]());
        return database;
      },
    };
    const open: OpenTestDatabase = async ({ url, migrate = true, ...options } = {}) => {
      const database = fixture.track(await openDatabase({ ...options, url: url ?? (await fixture.createUrl()) }));
      if (migrate) await database.migrate();
      return database;
    };
    suite(open, fixture);
  });
}

async function runOnPostgres(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

async function runOnSqlite(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const connection = new Sqlite(url.slice('sqlite:'.length), { timeout: 5000 });
  try {
    connection.pragma('recursive_triggers = ON');
    const statement = connection.prepare<[], Record<string, unknown>>(text);
    if (statement.reader) return statement.all();
    statement.run();
    return [];
  } finally {
    connection.close();
  }
}
