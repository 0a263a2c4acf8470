import type { Instant } from '@nexus/core/clock';
import type { Kysely, RawBuilder } from 'kysely';
import type { Schema } from './schema.js';

/** What a store is bound to: one transaction, or the reading side of the database. */
export interface StoreContext {
  readonly db: Kysely<Schema>;
  /** The database's clock as an expression inside statements. */
  databaseNow(plusSeconds?: number): RawBuilder<Instant>;
}

/** Whether a conditional update or delete found its row as it expected it. */
export function hasWon(result: { readonly numUpdatedRows: bigint } | { readonly numDeletedRows: bigint }): boolean {
  return ('numUpdatedRows' in result ? result.numUpdatedRows : result.numDeletedRows) > 0n;
}
