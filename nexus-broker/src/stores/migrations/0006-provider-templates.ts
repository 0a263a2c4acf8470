import type { Migration } from './migration.js';

export const templatesMigration: Migration = {
  name: '0006-provider-templates',
  async up({ schema, spelling }) {
    const columns = [
      ['connection', 'inputs'],
      ['connection', 'account_data'],
      ['flow', 'inputs'],
    ] as const;
    for (const [table, column] of columns) {
      const addition = schema
        .alterTable(table)
        .addColumn(column, spelling.text, (text) => text.notNull().defaultTo('{}'));
      await addition.execute();
    }
  },
};
