/** The audit tables of a real Broker, read from its export and replaced as the owner of its database could. */
import type { ExportLine } from '@nexus/audit-chain/export-format';
import type { LogTables } from '@nexus/audit-chain/log-rows-fixture';
import Sqlite from 'better-sqlite3';
import pg from 'pg';
import type { Stack } from '../stack.js';

type Value = string | number | Buffer | null;
type Rows = Readonly<Record<(typeof names)[number], readonly (readonly Value[])[]>>;

const names = ['audit_event', 'audit_chain', 'audit_checkpoint'] as const;
const columns: Readonly<Record<(typeof names)[number], readonly string[]>> = {
  audit_event: [
    'id',
    'created_at',
    'event_type',
    'outcome',
    'actor_id',
    'connection_ref',
    'resource_id',
    'agent_id',
    'workspace_id',
    'entry',
    'entry_hash',
    'mac',
    'mac_key',
  ],
  audit_chain: ['seq', 'event_id', 'prev_hash', 'hash'],
  audit_checkpoint: ['size', 'created_at', 'note', 'key_id'],
};

/** The rows that an export without a range shows. */
export function readTables(text: string): LogTables {
  const tables: LogTables = { events: [], links: [], checkpoints: [] };
  for (const json of text.trimEnd().split('\n')) {
    const line: ExportLine = JSON.parse(json);
    if (line.kind === 'unsealed') tables.events.push(line.stored);
    if (line.kind === 'checkpoint') {
      tables.checkpoints.push({ size: line.size, created_at: line.created_at, note: line.note });
    }
    if (line.kind !== 'sealed') continue;
    const { seq, event_id, prev_hash, hash, stored } = line;
    tables.links.push({ seq, event_id, prev_hash, hash });
    if (stored !== null) tables.events.push(stored);
  }
  return tables;
}

/** Takes away what stands in the way of whoever owns the database: triggers, and that a link has an entry of its own. */
export async function dropProtection(stack: Stack): Promise<void> {
  const statements =
    stack.engine === 'sqlite'
      ? names.flatMap((name) => [`drop trigger ${name}_no_update`, `drop trigger ${name}_no_delete`])
      : names.map((name) => `alter table ${name} disable trigger user`);
  await run(
    stack,
    [...statements, 'drop index audit_chain_event_unique'].map((text) => [text, []]),
  );
}

/** Puts these rows in the place of all there are, in one transaction. */
export async function replaceTables(stack: Stack, tables: LogTables): Promise<void> {
  const rows = toRows(tables);
  const place = (at: number) => (stack.engine === 'sqlite' ? '?' : `$${at + 1}`);
  const statements = names.flatMap((name): [string, readonly Value[]][] => {
    const places = columns[name].map((_, at) => place(at)).join(', ');
    const insert = `insert into ${name} (${columns[name].join(', ')}) values (${places})`;
    return [[`delete from ${name}`, []], ...rows[name].map((values): [string, readonly Value[]] => [insert, values])];
  });
  await run(stack, statements);
}

function toRows({ events, links, checkpoints }: LogTables): Rows {
  const bytes = (hex: string) => Buffer.from(hex, 'hex');
  return {
    audit_event: events.map(({ columns: said, entry, entry_hash, mac, mac_key }) => [
      said.id,
      said.created_at,
      said.event_type,
      said.outcome,
      said.actor_id,
      said.connection_ref,
      said.resource_id,
      said.agent_id,
      said.workspace_id,
      entry,
      bytes(entry_hash),
      bytes(mac),
      mac_key,
    ]),
    audit_chain: links.map(({ seq, event_id, prev_hash, hash }) => [seq, event_id, bytes(prev_hash), bytes(hash)]),
    audit_checkpoint: checkpoints.map(({ size, created_at, note }) => [
      size,
      created_at,
      note,
      Number(/nexus-(\d+) /.exec(note)?.[1] ?? 0),
    ]),
  };
}

async function run(stack: Stack, statements: readonly (readonly [string, readonly Value[]])[]): Promise<void> {
  if (stack.engine === 'sqlite') runOnSqlite(stack.databaseUrl.slice('sqlite:'.length), statements);
  else await runOnPostgres(stack.databaseUrl, statements);
}

function runOnSqlite(path: string, statements: readonly (readonly [string, readonly Value[]])[]): void {
  const connection = new Sqlite(path, { timeout: 10_000 });
  try {
    const all = connection.transaction(() => {
      for (const [text, values] of statements) connection.prepare(text).run(...values);
    });
    all.immediate();
  } finally {
    connection.close();
  }
}

async function runOnPostgres(url: string, statements: readonly (readonly [string, readonly Value[]])[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('begin');
    await client.query('lock table audit_event, audit_chain, audit_checkpoint in access exclusive mode');
    for (const [text, values] of statements) await client.query(text, [...values]);
    await client.query('commit');
  } finally {
    await client.end();
  }
}
