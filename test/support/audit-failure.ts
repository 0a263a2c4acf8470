/** Makes every further write to the audit log fail, as a broken sink or a constraint would, and lets it work again. */
import { runSql } from './sql.js';
import type { Stack } from './stack.js';

const onSqlite = {
  break: ["create trigger broken_sink before insert on audit_event begin select raise(abort, 'sink gone'); end"],
  mend: ['drop trigger broken_sink'],
};

const onPostgres = {
  break: [
    "create or replace function broken_sink() returns trigger language plpgsql as $$ begin raise exception 'sink gone'; end $$",
    'create trigger broken_sink before insert on audit_event for each row execute function broken_sink()',
  ],
  mend: ['drop trigger broken_sink on audit_event'],
};

/** Runs `work` while no entry can be written. */
export async function withBrokenAudit<T>(stack: Stack, work: () => Promise<T>): Promise<T> {
  const statements = stack.engine === 'sqlite' ? onSqlite : onPostgres;
  for (const statement of statements.break) await runSql(stack, statement);
  try {
    return await work();
  } finally {
    for (const statement of statements.mend) await runSql(stack, statement);
  }
}
