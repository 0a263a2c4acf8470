/**
 * Two roles on PostgreSQL: one owns the tables, migrates and removes what was archived, the other serves. The second may
 * add to the append-only tables and nothing else, so that whoever takes over a Broker cannot even drop their triggers.
 */
import { type Kysely, sql } from 'kysely';
import type { Schema } from '../schema.js';

type Reader = Pick<Kysely<Schema>, 'selectNoFrom'>;

export async function readRole(reader: Reader): Promise<string> {
  const row = await reader.selectNoFrom(sql<string>`current_user`.as('role')).executeTakeFirstOrThrow();
  return row.role;
}

/** Gives `role` what a Broker needs in this schema, and takes everything else from it. The owner keeps what it has. */
export async function grantTables(
  owner: Kysely<Schema>,
  role: string,
  appendOnlyTables: readonly string[],
): Promise<void> {
  if ((await owner.transaction().execute(readRole)) === role) return;
  const to = sql.id(role);
  await owner.transaction().execute(async (tx) => {
    // Two Brokers that start at once would collide inside the catalogue.
    await sql`select pg_advisory_xact_lock(hashtext('nexus grants'))`.execute(tx);
    const { schema } = await tx.selectNoFrom(sql<string>`current_schema()`.as('schema')).executeTakeFirstOrThrow();
    const all = sql`all tables in schema ${sql.id(schema)}`;
    await sql`grant usage on schema ${sql.id(schema)} to ${to}`.execute(tx);
    await sql`revoke all on ${all} from ${to}`.execute(tx);
    await sql`grant select, insert, update, delete on ${all} to ${to}`.execute(tx);
    for (const table of appendOnlyTables) {
      await sql`revoke update, delete on ${sql.id(table)} from ${to}`.execute(tx);
    }
  });
}

/**
 * Whether the connected role has no more than insert, and could act neither as the owner of one of the tables nor as the
 * owner of their schema, who may drop them: for the schema `public` that is whoever owns the database.
 */
export async function refusesChanges(reader: Reader, tables: readonly string[]): Promise<boolean> {
  for (const table of tables) {
    const name = sql.lit(table);
    const { may } = await reader
      .selectNoFrom(
        sql<boolean>`(
          has_table_privilege(${name}, 'UPDATE, DELETE, TRUNCATE') or has_any_column_privilege(${name}, 'UPDATE')
          or (
            select pg_has_role(relowner, 'MEMBER') or pg_has_role(nspowner, 'MEMBER')
            from pg_class join pg_namespace on pg_namespace.oid = relnamespace
            where pg_class.oid = ${name}::regclass
          )
        )`.as('may'),
      )
      .executeTakeFirstOrThrow();
    if (may) return false;
  }
  return true;
}
