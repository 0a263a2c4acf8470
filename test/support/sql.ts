/** Statements beside the Broker, as an operator with access to the database could run them: for what only time would do. */
import Sqlite from 'better-sqlite3';
import pg from 'pg';
import type { Stack } from './stack.js';

type Row = Readonly<Record<string, unknown>>;

/** `?` stands for a value in both databases. */
export async function runSql(
  stack: Pick<Stack, 'engine' | 'databaseUrl'>,
  statement: string,
  values: readonly (string | number | null)[] = [],
): Promise<readonly Row[]> {
  return stack.engine === 'postgres'
    ? runOnPostgres(stack.databaseUrl, statement, values)
    : runOnSqlite(stack.databaseUrl, statement, values);
}

async function runOnPostgres(url: string, text: string, values: readonly unknown[]): Promise<readonly Row[]> {
  let position = 0;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const numbered = text.replaceAll('?', () => `$${++position}`);
    return (await client.query<Row>(numbered, [...values])).rows;
  } finally {
    await client.end();
  }
}

function runOnSqlite(url: string, text: string, values: readonly unknown[]): readonly Row[] {
  const connection = new Sqlite(url.slice('sqlite:'.length), { timeout: 5_000 });
  try {
    const statement = connection.prepare<unknown[], Row>(text);
    if (statement.reader) return statement.all(...values);
    statement.run(...values);
    return [];
  } finally {
    connection.close();
  }
}

const long = 3_600_000;

/** Lets the access token of a connection have run out an hour ago, or end in so many seconds. */
export async function setAccessExpiry(stack: Stack, connectionRef: string, inSeconds = -3_600): Promise<void> {
  const expiresAt = Math.floor(Date.now() / 1_000) + inSeconds;
  await runSql(stack, 'update connection set access_expires_at = ? where connection_ref = ?', [
    expiresAt,
    connectionRef,
  ]);
}

/** Lets the time of a bound flow's handle be over. */
export async function expireHandle(stack: Stack, connectionRef: string): Promise<void> {
  const past = new Date(Date.now() - long).toISOString();
  await runSql(
    stack,
    'update flow set handle_expires_at = ? where connection_ref = ? and handle_expires_at is not null',
    [past, connectionRef],
  );
}

/** Lets the ten minutes of a flow be over, and with them the time its connection may stay pending. */
export async function expireFlow(stack: Stack, connectionRef: string): Promise<void> {
  const past = new Date(Date.now() - long).toISOString();
  await runSql(stack, 'update flow set expires_at = ? where connection_ref = ?', [past, connectionRef]);
  await runSql(
    stack,
    'update connection set pending_until = ? where connection_ref = ? and pending_until is not null',
    [past, connectionRef],
  );
}

/** Lets the last refresh be long enough ago for another one. */
export async function forgetLastRefresh(stack: Stack, connectionRef: string): Promise<void> {
  const past = new Date(Date.now() - long).toISOString();
  const forget = 'update connection set last_refresh_at = ?, last_call_at = null, next_attempt_at = null';
  await runSql(stack, `${forget} where connection_ref = ?`, [past, connectionRef]);
  await runSql(stack, 'delete from call_pace');
}

/** The sealed credential as stored, in hex; null when there is none. */
export async function readSealed(stack: Stack, connectionRef: string): Promise<string | null> {
  const [row] = await runSql(stack, 'select sealed_credential from connection where connection_ref = ?', [
    connectionRef,
  ]);
  const sealed = row?.['sealed_credential'];
  return sealed instanceof Uint8Array ? Buffer.from(sealed).toString('hex') : null;
}
