import type { Instant } from '@nexus/core/clock';
import type { Kysely, RawBuilder } from 'kysely';
import type { Schema } from '../schema.js';

/** One opened database. Everything that differs between SQLite and PostgreSQL is behind this interface. */
export interface Engine {
  readonly name: 'sqlite' | 'postgres';
  /** Runs selects and nothing else. */
  readonly reader: Kysely<Schema>;
  /** For transactions only. */
  readonly writer: Kysely<Schema>;
  readonly spelling: Spelling;
  /** Whether the database refuses the role of this connection to change or delete rows of these tables. */
  refusesChanges(tables: readonly string[]): Promise<boolean>;
  close(): Promise<void>;
}

/** What migrations and stores say alike and each database spells its own way. */
export interface Spelling {
  /** The database's clock at the moment the row is looked at, `plusMs` later or earlier. */
  now(plusMs: number): RawBuilder<Instant>;
  readonly text: RawBuilder<unknown>;
  readonly integer: RawBuilder<unknown>;
  readonly bytes: RawBuilder<unknown>;
  readonly tableEnd: RawBuilder<unknown>;
  /** Statements after which the transaction fails soon instead of waiting for a row that another one holds. */
  readonly giveWay: readonly RawBuilder<unknown>[];
  /** Statements after which the table refuses every change but an insert. */
  appendOnly(table: string): readonly RawBuilder<unknown>[];
  /** Statements that lift this again, until the transaction makes the table append-only anew. */
  allowChanges(table: string): readonly RawBuilder<unknown>[];
}
