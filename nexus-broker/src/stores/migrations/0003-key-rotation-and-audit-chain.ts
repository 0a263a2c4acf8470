import { sql } from 'kysely';
import { createIndexes, createTable } from './create-table.js';
import type { Migration, MigrationContext } from './migration.js';

export const chainMigration: Migration = {
  name: '0003-key-rotation-and-audit-chain',
  async up(context) {
    await createAuditChain(context);
    await createKeyRotation(context);
    await createTable(context, 'job_lease', { text: ['name', 'owner?', 'until?'] });
  },
};

async function createAuditChain(context: MigrationContext): Promise<void> {
  await createTable(context, 'audit_chain', {
    text: ['event_id'],
    integer: ['seq'],
    bytes: ['prev_hash', 'hash'],
    key: 'seq',
  });
  await createIndexes(context, 'audit_chain', { audit_chain_event_unique: ['event_id'] });
  await createTable(context, 'audit_checkpoint', {
    text: ['created_at', 'note'],
    integer: ['size', 'key_id'],
    key: 'size',
  });
  for (const table of ['audit_chain', 'audit_checkpoint']) {
    for (const statement of context.spelling.appendOnly(table)) await context.run(statement);
  }
}

async function createKeyRotation(context: MigrationContext): Promise<void> {
  await createTable(context, 'kek', {
    text: ['kek_id', 'state', 'added_at', 'promoted_at?', 'retired_at?'],
    bytes: ['probe', 'probe_kcv'],
  });
  await createTable(context, 'broker_instance', {
    text: ['instance_id', 'version', 'started_at', 'seen_at', 'keks', 'sealing_keys'],
  });
  await createTable(context, 'resealing', {
    text: ['resealing_id', 'target', 'cursor', 'started_at', 'updated_at', 'finished_at?'],
    integer: ['key_id', 'resealed', 'failed'],
  });
  // A blob names its data key in its bytes 5 to 8; rows under a key must be found without reading every credential.
  for (const [table, column, key] of [
    ['connection', 'sealed_credential', 'connection_ref'],
    ['agent_session', 'sealed_token', 'session_id'],
  ] as const) {
    await context.run(
      sql`create index ${sql.id(`${table}_data_key`)} on ${sql.id(table)} (substr(${sql.id(column)}, 5, 4), ${sql.id(key)})
        where ${sql.id(column)} is not null`,
    );
  }
}
