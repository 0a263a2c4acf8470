import type { Instant } from '@nexus/core/clock';
import type { Compilable, CompiledQuery, Kysely, RawBuilder } from 'kysely';
import type { Spelling } from './engines/engine.js';
import type { Schema } from './schema.js';

/** What a store is bound to: one transaction, or the reading side of the database. */
export interface StoreContext {
  readonly db: Kysely<Schema>;
  /** The database's clock as an expression inside statements. */
  databaseNow(plusSeconds?: number): RawBuilder<Instant>;
  /** After these statements the transaction fails soon instead of waiting for a row that another one holds. */
  readonly giveWay: readonly RawBuilder<unknown>[];
  /** Statements that make a table append-only and that lift this again. */
  readonly tables: Pick<Spelling, 'appendOnly' | 'allowChanges'>;
  /** Statements of the hot path, compiled once for all stores of the database. */
  readonly compiled: CompiledStatements;
}

/** Building and compiling a statement costs more than running it, so those of every read keep their text. */
export class CompiledStatements {
  readonly #statements = new Map<string, CompiledQuery>();

  /** The statement of this name with these parameters; `build` has them in the same order. */
  get<R>(name: string, build: () => Compilable<R>, parameters: readonly unknown[]): CompiledQuery<R> {
    let statement = this.#statements.get(name);
    if (statement === undefined) {
      statement = build().compile();
      this.#statements.set(name, statement);
    }
    return { ...statement, parameters } as CompiledQuery<R>;
  }
}

/** Whether a conditional update or delete found its row as it expected it. */
export function hasWon(result: { readonly numUpdatedRows: bigint } | { readonly numDeletedRows: bigint }): boolean {
  return ('numUpdatedRows' in result ? result.numUpdatedRows : result.numDeletedRows) > 0n;
}
