import { sql } from 'kysely';
import { createTable } from './create-table.js';
import type { Migration } from './migration.js';

export const refreshMigration: Migration = {
  name: '0004-refresh-engine',
  async up(context) {
    const { schema, spelling } = context;
    await schema.alterTable('connection').addColumn('last_call_at', spelling.text).execute();
    // The schedule looks every second at what is due; of what is in use, nearly everything is not.
    await context.run(
      sql`create index connection_due on connection (refresh_after, last_read_at)
        where status = 'active' and has_refresh_token = 1`,
    );
    await createTable(context, 'call_pace', {
      text: ['pace_key', 'opened_at?', 'closed_at?', 'probe_after?', 'next_call_at?', 'suspect?', 'updated_at'],
      integer: ['failures', 'window_calls', 'window_failures', 'stopped_version?'],
    });
  },
};
