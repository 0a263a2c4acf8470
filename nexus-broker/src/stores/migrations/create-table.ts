import type { CreateTableBuilder } from 'kysely';
import type { MigrationContext } from './migration.js';

type Columns = readonly string[];

/** A column is `name`, or `name?` where it may be null. The first text column is the key. */
export async function createTable(
  { schema, spelling }: MigrationContext,
  table: string,
  columns: { readonly text: Columns; readonly integer?: Columns; readonly bytes?: Columns; readonly key?: string },
  finish: (builder: CreateTableBuilder<string, string>) => CreateTableBuilder<string, string> = (builder) => builder,
): Promise<void> {
  let builder: CreateTableBuilder<string, string> = schema.createTable(table);
  const kinds = [
    [columns.text, spelling.text],
    [columns.integer ?? [], spelling.integer],
    [columns.bytes ?? [], spelling.bytes],
  ] as const;
  for (const [names, type] of kinds) {
    for (const name of names) {
      builder = name.endsWith('?')
        ? builder.addColumn(name.slice(0, -1), type)
        : builder.addColumn(name, type, (column) => column.notNull());
    }
  }
  const key = columns.key ?? columns.text[0] ?? '';
  builder = builder.addPrimaryKeyConstraint(`${table}_key`, [key] as never);
  await finish(builder).modifyEnd(spelling.tableEnd).execute();
}

/** An index whose name ends in `_unique` is unique. */
export async function createIndexes(
  { schema }: MigrationContext,
  table: string,
  indexes: Record<string, Columns>,
): Promise<void> {
  for (const [name, columns] of Object.entries(indexes)) {
    const builder = schema
      .createIndex(name)
      .on(table)
      .columns([...columns]);
    await (name.endsWith('_unique') ? builder.unique() : builder).execute();
  }
}
