/** Makes every further write to the audit log or its chain fail, as a broken sink or a constraint would, and lets it work again. */
import { runSql } from './sql.js';
import type { Stack } from './stack.js';

type AuditTable = 'audit_event' | 'audit_chain';

const onSqlite = {
  break: (table: AuditTable) => [
    `create trigger broken_sink before insert on ${table} begin select raise(abort, 'sink gone'); end`,
  ],
  mend: () => ['drop trigger broken_sink'],
};

const onPostgres = {
  break: (table: AuditTable) => [
    "create or replace function broken_sink() returns trigger language plpgsql as $$ begin raise exception 'sink gone'; end $$",
    `create trigger broken_sink before insert on ${table} for each row execute function broken_sink()`,
  ],
  mend: (table: AuditTable) => [`drop trigger broken_sink on ${table}`],
};

/** Runs `work` while no entry can be written. */
export function withBrokenAudit<T>(stack: Stack, work: () => Promise<T>): Promise<T> {
  return withBroken(stack, 'audit_event', work);
}

/** Runs `work` while no entry can be sealed. */
export function withBrokenSealing<T>(stack: Stack, work: () => Promise<T>): Promise<T> {
  return withBroken(stack, 'audit_chain', work);
}

async function withBroken<T>(stack: Stack, table: AuditTable, work: () => Promise<T>): Promise<T> {
  const statements = stack.engine === 'sqlite' ? onSqlite : onPostgres;
  for (const statement of statements.break(table)) await runSql(stack, statement);
  try {
    return await work();
  } finally {
    for (const statement of statements.mend(table)) await runSql(stack, statement);
  }
}
