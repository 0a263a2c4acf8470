/**
 * Opens the broker's database. This and `engines/` are the only places that know which database it is; the stores see
 * one schema, one set of statements and one clock.
 */
import type { Instant } from '@nexus/core/clock';
import { type Kysely, sql } from 'kysely';
import { BoundStores, type Stores } from './bound-stores.js';
import { readFilePath } from './database-file.js';
import type { Engine } from './engines/engine.js';
import { openPostgres } from './engines/postgres-engine.js';
import { grantTables, readRole } from './engines/postgres-grants.js';
import { openSqlite } from './engines/sqlite-engine.js';
import { migrations } from './migrations/registry.js';
import { runMigrations } from './migrations/run-migrations.js';
import { OutageWatch } from './outage-watch.js';
import type { Schema } from './schema.js';
import { CompiledStatements } from './store-context.js';

export type { Stores };

export interface Database {
  readonly engine: 'sqlite' | 'postgres';
  /** Whether this Broker is the only one that can have the database open. */
  readonly isExclusive: boolean;
  /** For reads outside a transaction; writing through them throws. */
  readonly stores: Stores;
  /**
   * Runs `work` with stores bound to one transaction, and commits unless it throws. A failed statement fails the whole
   * transaction, also when `work` catches its error. No network call belongs in here, and no second transaction.
   */
  transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T>;
  /** The same as the role that owns the tables, where the settings name one; for what the Broker itself may not do. */
  transactionAsOwner<T>(work: (stores: Stores) => Promise<T>): Promise<T>;
  /** Whether the database itself refuses this Broker to change or delete entries, links and checkpoints. */
  hasAuditGrants(): Promise<boolean>;
  /** The database's clock. */
  now(): Promise<Instant>;
  /** Brings the schema forward and returns what was applied; waits while another Broker does so. */
  migrate(): Promise<readonly string[]>;
  /** Names of the migrations the schema has behind it. */
  appliedMigrations(): Promise<readonly string[]>;
  /** Why writing failed in the last seconds, for an operator; null when it did not. */
  recentFailure(): string | null;
  /** Whether this Broker could not use the database a moment ago: others may still be writing what waited for it. */
  hadOutage(): boolean;
  /** Throws unless the database answers. */
  ping(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface DatabaseOptions {
  /** `sqlite:/path/to/file.db` or `postgres://…`. */
  readonly url: string;
  /** The role of PostgreSQL that owns the tables, where it is not that of `url`. */
  readonly ownerUrl?: string | null;
  /** Connections to PostgreSQL. */
  readonly poolSize?: number;
  /** Refuses a PostgreSQL server that runs with `fsync=off`; production sets it. */
  readonly requireFsync?: boolean;
  /** Moves the database's clock; for tests only. A function is asked at every use. */
  readonly clockOffsetMs?: number | (() => number);
  /** Told of an `fsync` that failed before anybody else is; ends the process where one serves. */
  readonly onLostWrite?: (error: Error) => void;
}

const defaultPoolSize = 10;
/** The audit sealer relies on it: an entry is committed this long after its `created_at`, or never. */
const transactionLimitMs = 30_000;

/** @throws Error when the file is open in another Broker, has loose modes, or a durability setting cannot be had. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  return createDatabase(await openEngine(options), options);
}

/**
 * Opens a database file without taking it for itself: a Broker may be at work on it, or the caller holds it.
 *
 * @throws Error when it is missing, is no database, or has loose modes.
 */
export function openDatabaseFile(file: string): Database {
  const engine = openSqlite({ file, clockOffsetMs: () => 0, isBeside: true, onLostWrite: () => undefined });
  return createDatabase(engine, { url: '' });
}

/** The migrations of this release, in order. */
export const migrationNames: readonly string[] = migrations.map((migration) => migration.name);

function createDatabase(engine: Engine, options: DatabaseOptions): Database {
  const compiled = new CompiledStatements();
  const outages = new OutageWatch();
  const bind = (db: Kysely<Schema>): Stores =>
    new BoundStores({
      db,
      databaseNow: (plusSeconds = 0) => engine.spelling.now(Math.round(plusSeconds * 1_000)),
      giveWay: engine.spelling.giveWay,
      tables: engine.spelling,
      compiled,
    });
  const transact = <T>({ writer }: Engine, work: (stores: Stores) => Promise<T>): Promise<T> =>
    writer.transaction().execute(async (tx) => {
      const startedMs = performance.now();
      const result = await work(bind(tx));
      if (performance.now() - startedMs > transactionLimitMs) throw new Error('The transaction took too long.');
      return result;
    });
  return {
    engine: engine.name,
    isExclusive: engine.name === 'sqlite',
    stores: bind(engine.reader),
    transaction: (work) => outages.watch(() => transact(engine, work)),
    recentFailure: () => outages.recentFailure(),
    hadOutage: () => outages.hadOutage(),
    transactionAsOwner: (work) => asOwner(engine, options, (owner) => transact(owner, work)),
    hasAuditGrants: () => engine.refusesChanges(appendOnlyTables),
    now: async () => {
      const row = await engine.reader.selectNoFrom(engine.spelling.now(0).as('now')).executeTakeFirstOrThrow();
      return row.now;
    },
    migrate: () =>
      asOwner(engine, options, async (owner) => {
        const applied = await runMigrations(owner, migrations);
        if (owner !== engine) await grantTables(owner.writer, await readRole(engine.reader), appendOnlyTables);
        return applied;
      }),
    appliedMigrations: async () => {
      const rows = await engine.reader.selectFrom('migration').select('name').orderBy('name').execute();
      return rows.map((row) => row.name);
    },
    ping: async () => {
      await engine.reader.selectNoFrom(sql.lit(1).as('alive')).execute();
    },
    [Symbol.asyncDispose]: () => engine.close(),
  };
}

const appendOnlyTables = ['audit_event', 'audit_chain', 'audit_checkpoint'];

/** Runs `work` on a connection of the owner's, or on the Broker's own where there is no other. */
async function asOwner<T>(
  engine: Engine,
  { ownerUrl = null, ...options }: DatabaseOptions,
  work: (owner: Engine) => Promise<T>,
): Promise<T> {
  if (ownerUrl === null) return work(engine);
  const owner = await openEngine({ ...options, url: ownerUrl, poolSize: 2 });
  try {
    return await work(owner);
  } finally {
    await owner.close();
  }
}

async function openEngine(options: DatabaseOptions): Promise<Engine> {
  const { url, clockOffsetMs: offset = 0, poolSize = defaultPoolSize, requireFsync = false } = options;
  const clockOffsetMs = typeof offset === 'number' ? () => offset : offset;
  const file = readFilePath(url);
  if (file !== null) {
    const { onLostWrite = () => undefined } = options;
    return openSqlite({ file, clockOffsetMs, isBeside: false, onLostWrite });
  }
  if (/^postgres(?:ql)?:\/\//.test(url)) return openPostgres({ url, poolSize, clockOffsetMs, requireFsync });
  throw new Error('A database URL is sqlite:/path/to/file.db or postgres://user:password@host/database.');
}
