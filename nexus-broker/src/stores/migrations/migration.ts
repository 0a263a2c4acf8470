import type { RawBuilder, SchemaModule } from 'kysely';
import type { Spelling } from '../engines/engine.js';

export interface MigrationContext {
  readonly schema: SchemaModule;
  readonly spelling: Spelling;
  run(statement: RawBuilder<unknown>): Promise<void>;
}

/** One step forward. It runs once, in one transaction with the row that records it. */
export interface Migration {
  readonly name: string;
  up(context: MigrationContext): Promise<void>;
}
