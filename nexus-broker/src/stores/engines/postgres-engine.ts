/** PostgreSQL: a pool of connections for any number of Brokers. */
import { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely';
import pg from 'pg';
import { decodeInteger } from '../codecs.js';
import type { Schema } from '../schema.js';
import type { Engine, Spelling } from './engine.js';
import { refusesChanges } from './postgres-grants.js';
import { createDriver, type Effort, type Link, type LinkSource, type Rows } from './session.js';

const statementTimeoutMs = 30_000;
/**
 * After so long without an answer a connection counts as lost: a network that drops what it is given tells nobody. The
 * server itself ends a long statement first.
 */
const standardTimeouts: Timeouts = {
  connect: 5_000,
  prompt: 5_000,
  ordinary: 15_000,
  long: statementTimeoutMs + 5_000,
};
const keepAliveAfterMs = 10_000;
const farewellMs = 2_000;
/** The driver tells it by its message alone. */
const noAnswer = 'Query read timeout';
const int8 = 20;
const uniqueViolation = '23505';

/** In ms. */
type Timeouts = Readonly<Record<Effort | 'connect', number>>;

interface PostgresInput {
  readonly url: string;
  readonly poolSize: number;
  readonly clockOffsetMs: () => number;
  readonly requireFsync: boolean;
  /** For tests only. */
  readonly timeouts?: Timeouts;
}

export async function openPostgres(input: PostgresInput): Promise<Engine> {
  const { timeouts = standardTimeouts } = input;
  const sockets = new Set<Socket>();
  const pool = new pg.Pool({
    connectionString: input.url,
    max: input.poolSize,
    application_name: 'nexus-broker',
    connectionTimeoutMillis: timeouts.connect,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    stream: () => createSocket(sockets),
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveAfterMs,
    // For what the pool itself asks; `createLink` says how long each statement of ours may take.
    query_timeout: timeouts.ordinary,
    options: '-c synchronous_commit=on',
    types: { getTypeParser: chooseTypeParser as typeof pg.types.getTypeParser },
  });
  // A connection that breaks is replaced by the pool, and whoever uses it sees its next query fail. Without listeners
  // the event would end the process, also for a connection that is in use.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  try {
    await checkServer(pool, input.requireFsync);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const reader = createKysely(pool, { isReadOnly: true, timeouts });
  return {
    name: 'postgres',
    reader,
    writer: createKysely(pool, { isReadOnly: false, timeouts }),
    spelling: createSpelling(input.clockOffsetMs),
    refusesChanges: (tables) => refusesChanges(reader, tables),
    async close() {
      await Promise.race([pool.end(), wait(farewellMs, undefined, { ref: false })]);
      // A server that is out of reach never answers the farewell.
      for (const socket of sockets) socket.destroy();
    },
  };
}

function createSocket(open: Set<Socket>): Socket {
  const socket = new Socket();
  open.add(socket);
  return socket.once('close', () => open.delete(socket));
}

/** 64-bit integers arrive as text; everything else keeps the parser it has. */
function chooseTypeParser(oid: number, format?: 'text' | 'binary'): unknown {
  return oid === int8 ? decodeInteger : pg.types.getTypeParser(oid, format ?? 'text');
}

/** A URL may carry options of its own, so what durability and equality of text rest on is read back. */
async function checkServer(pool: pg.Pool, requireFsync: boolean): Promise<void> {
  const { rows } = await pool.query<Record<'commit' | 'fsync' | 'encoding', string>>(
    `select current_setting('synchronous_commit') as commit, current_setting('fsync') as fsync,
      current_setting('server_encoding') as encoding`,
  );
  const server = rows[0];
  if (server?.encoding !== 'UTF8') throw new Error('The PostgreSQL database must have the encoding UTF8.');
  if (server.commit !== 'on' && server.commit !== 'remote_apply') {
    throw new Error(`PostgreSQL runs with synchronous_commit=${server.commit}; it must be on.`);
  }
  if (requireFsync && server.fsync !== 'on') throw new Error('PostgreSQL runs with fsync=off and would lose commits.');
}

function createKysely(
  pool: pg.Pool,
  { isReadOnly, timeouts }: { readonly isReadOnly: boolean; readonly timeouts: Timeouts },
): Kysely<Schema> {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => createDriver(createSource(pool, timeouts), { isReadOnly }),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
}

function createSource(pool: pg.Pool, timeouts: Timeouts): LinkSource {
  const clients = new WeakMap<Link, pg.PoolClient>();
  return {
    begin: 'begin isolation level read committed',
    async acquire() {
      const client = await pool.connect();
      const link = createLink(client, timeouts);
      clients.set(link, client);
      return link;
    },
    release(link, isBroken) {
      clients.get(link)?.release(isBroken);
    },
  };
}

function createLink(client: pg.PoolClient, timeouts: Timeouts): Link {
  return {
    async run(text: string, parameters: readonly unknown[], effort: Effort): Promise<Rows> {
      const query: pg.QueryConfig & { readonly query_timeout: number } = {
        text,
        values: [...parameters],
        query_timeout: timeouts[effort],
      };
      const result = await client.query(query);
      return { rows: result.rows, affected: result.rowCount ?? 0 };
    },
    isUniqueViolation: (error) => error instanceof pg.DatabaseError && error.code === uniqueViolation,
    isLost: (error) => error instanceof Error && error.message === noAnswer,
  };
}

function createSpelling(clockOffsetMs: () => number): Spelling {
  return {
    // clock_timestamp() moves on while a statement waits for a row lock; a lease must start when it is won.
    now: (plusMs) =>
      sql<string>`to_char((clock_timestamp() + ${plusMs + clockOffsetMs()} * interval '1 millisecond') at time zone 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
    // The server's locale would order and compare text its own way.
    text: sql`text collate "C"`,
    integer: sql`bigint`,
    bytes: sql`bytea`,
    tableEnd: sql``,
    // Well below the second after which a deadlock is looked for and one of the two is broken.
    giveWay: [sql`set local lock_timeout = '250ms'`],
    appendOnly: (table) => {
      const refuse = sql.id(`${table}_refuse_change`);
      return [
        sql`create function ${refuse}() returns trigger language plpgsql as
          $$ begin raise exception 'the table is append-only'; end $$`,
        sql`create trigger ${sql.id(`${table}_no_change`)} before update or delete on ${sql.id(table)}
          for each row execute function ${refuse}()`,
        sql`create trigger ${sql.id(`${table}_no_truncate`)} before truncate on ${sql.id(table)}
          for each statement execute function ${refuse}()`,
      ];
    },
    allowChanges: (table) => [
      // Whoever wants the table queues behind this; it must not wait for long itself.
      sql`set local lock_timeout = '5s'`,
      sql`drop trigger ${sql.id(`${table}_no_change`)} on ${sql.id(table)}`,
      sql`drop trigger ${sql.id(`${table}_no_truncate`)} on ${sql.id(table)}`,
      sql`drop function ${sql.id(`${table}_refuse_change`)}()`,
    ],
  };
}
