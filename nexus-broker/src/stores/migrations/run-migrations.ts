/**
 * Brings the schema forward. Several Brokers may start at once: one holds the lock row and migrates, the others wait for
 * it. The lock ends by the database's clock, so that a migrator that crashed does not hold the others up for long.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Transaction } from 'kysely';
import type { Engine } from '../engines/engine.js';
import type { Schema } from '../schema.js';
import type { Migration } from './migration.js';

const lockMs = 60_000;
const pollMs = 100;
const createAttempts = 10;

/** Returns the names of the migrations this call applied. */
export async function runMigrations(engine: Engine, migrations: readonly Migration[]): Promise<readonly string[]> {
  await createLockTables(engine);
  const owner = randomUUID();
  const applied: string[] = [];
  for (;;) {
    const pending = await findPending(engine, migrations);
    if (pending.length === 0) return applied;
    if (!(await takeLock(engine, owner))) {
      await pause(pollMs);
      continue;
    }
    try {
      for (const migration of pending) {
        if (await apply(engine, migration, owner)) applied.push(migration.name);
      }
    } finally {
      // A lock that cannot be released runs out by itself; the error of the migration is the one to report.
      await releaseLock(engine, owner).catch(() => undefined);
    }
  }
}

/** Two creators at once may collide inside PostgreSQL's catalogue in spite of `if not exists`; the later tries again. */
async function createLockTables({ writer, spelling }: Engine): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await writer.transaction().execute(async (tx) => {
        await tx.schema
          .createTable('migration')
          .ifNotExists()
          .addColumn('name', spelling.text, (column) => column.primaryKey().notNull())
          .addColumn('applied_at', spelling.text, (column) => column.notNull())
          .modifyEnd(spelling.tableEnd)
          .execute();
        await tx.schema
          .createTable('migration_lock')
          .ifNotExists()
          .addColumn('lock_id', spelling.integer, (column) => column.primaryKey().notNull())
          .addColumn('owner', spelling.text)
          .addColumn('until', spelling.text)
          .modifyEnd(spelling.tableEnd)
          .execute();
        await tx
          .insertInto('migration_lock')
          .values({ lock_id: 1, owner: null, until: null })
          .onConflict((conflict) => conflict.column('lock_id').doNothing())
          .execute();
      });
      return;
    } catch (error) {
      if (attempt === createAttempts) throw error;
      await pause(pollMs);
    }
  }
}

/** Migrations of a newer release may stand in the table too; two neighbouring releases run side by side. */
async function findPending({ reader }: Engine, migrations: readonly Migration[]): Promise<readonly Migration[]> {
  const rows = await reader.selectFrom('migration').select('name').execute();
  const done = new Set(rows.map((row) => row.name));
  return migrations.filter((migration) => !done.has(migration.name));
}

async function takeLock({ writer, spelling }: Engine, owner: string): Promise<boolean> {
  const result = await writer.transaction().execute((tx) =>
    tx
      .updateTable('migration_lock')
      .set({ owner, until: spelling.now(lockMs) })
      .where((row) => row.or([row('owner', 'is', null), row('until', '<', spelling.now(0))]))
      .executeTakeFirst(),
  );
  return result.numUpdatedRows === 1n;
}

async function releaseLock({ writer }: Engine, owner: string): Promise<void> {
  await writer
    .transaction()
    .execute((tx) =>
      tx.updateTable('migration_lock').set({ owner: null, until: null }).where('owner', '=', owner).execute(),
    );
}

/** Renewing the lock first also holds its row, so nobody else can take it before this migration is committed. */
async function apply(engine: Engine, migration: Migration, owner: string): Promise<boolean> {
  const { writer, spelling } = engine;
  return writer.transaction().execute(async (tx) => {
    const renewed = await tx
      .updateTable('migration_lock')
      .set({ until: spelling.now(lockMs) })
      .where('owner', '=', owner)
      .executeTakeFirst();
    if (renewed.numUpdatedRows !== 1n || (await isApplied(tx, migration))) return false;
    await migration.up({ schema: tx.schema, spelling, run: async (statement) => void (await statement.execute(tx)) });
    await tx
      .insertInto('migration')
      .values({ name: migration.name, applied_at: spelling.now(0) })
      .execute();
    return true;
  });
}

async function isApplied(tx: Transaction<Schema>, migration: Migration): Promise<boolean> {
  const row = await tx.selectFrom('migration').select('name').where('name', '=', migration.name).executeTakeFirst();
  return row !== undefined;
}
