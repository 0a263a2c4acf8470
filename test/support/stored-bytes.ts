/** Everything a thief of the database would get: files as they are, and each value of each table. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './secret-search.js';
import { runSql } from './sql.js';
import type { Stack } from './stack.js';

export async function readStoredBytes(stack: Stack): Promise<Place[]> {
  const files = stack.engine === 'sqlite' ? readSqliteFiles(stack) : await readPostgresFiles(stack);
  return [...files, ...(await readTables(stack))];
}

/** The database, its write-ahead log and its index; freed pages still hold what was deleted. */
function readSqliteFiles(stack: Stack): Place[] {
  const file = stack.databaseUrl.slice('sqlite:'.length);
  return ['', '-wal', '-shm']
    .map((suffix) => file + suffix)
    .filter((path) => existsSync(path))
    .map(readPlace);
}

/** The server's own files, dead rows and write-ahead log included, where the server runs on this machine. */
async function readPostgresFiles(stack: Stack): Promise<Place[]> {
  const [found] = await runSql(stack, "select current_setting('data_directory') as folder");
  const [database] = await runSql(stack, 'select oid::text as oid from pg_database where datname = current_database()');
  await runSql(stack, 'checkpoint');
  const folder = String(found?.['folder']);
  return [join(folder, 'base', String(database?.['oid'])), join(folder, 'pg_wal')]
    .filter((path) => existsSync(path))
    .flatMap((path) => readdirSync(path).map((name) => join(path, name)))
    .filter((path) => statSync(path).isFile())
    .map(readPlace);
}

function readPlace(path: string): Place {
  return { name: path, bytes: readFileSync(path) };
}

async function readTables(stack: Stack): Promise<Place[]> {
  const names = await runSql(
    stack,
    stack.engine === 'sqlite'
      ? "select name from sqlite_master where type = 'table'"
      : "select tablename as name from pg_tables where schemaname = 'public'",
  );
  const places: Place[] = [];
  for (const { name } of names) {
    const rows = await runSql(stack, `select * from ${String(name)}`);
    const values = rows.flatMap((row) => Object.values(row)).filter((value) => value !== null);
    const bytes = values.map((value) => (value instanceof Uint8Array ? value : Buffer.from(String(value))));
    places.push({ name: `table ${String(name)}`, bytes: Buffer.concat(bytes.flatMap((value) => [value, lineEnd])) });
  }
  return places;
}

const lineEnd = Buffer.from('\n');
