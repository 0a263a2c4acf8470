/**
 * Sealed values of any column, by the data key they are under. A value names its data key in its bytes 5 to 8; the
 * expression over them is spelled as in the index, or every value would be read.
 */
import type { SealedBlob } from '@nexus/vault/vault';
import { type AliasedExpression, type RawBuilder, sql } from 'kysely';
import type { SealedRow, SealedTarget } from '../domain/sealed-targets.js';
import { decodeSealed } from './codecs.js';
import type { StoreContext } from './store-context.js';

export interface Replacement {
  readonly row: string;
  readonly expected: SealedBlob;
  readonly sealed: SealedBlob;
}

export function createSealedBlobStore(context: StoreContext) {
  const { db } = context;
  return {
    /** Values under a data key in the order of their rows, from the one after `after`. */
    async listUnder(
      target: SealedTarget,
      input: { readonly keyId: number; readonly after: string; readonly limit: number },
    ): Promise<SealedRow[]> {
      const rows = await selectRows(context, target)
        .where(dataKeyOf(target), '=', encodeKeyId(input.keyId))
        .where(sql.ref(target.row), '>', input.after)
        .limit(input.limit)
        .execute();
      return rows.map(toSealedRow);
    },

    /** Every value in the order of its row, or that of one row. */
    async list(
      target: SealedTarget,
      input: { readonly row: string | null; readonly after: string; readonly limit: number },
    ): Promise<SealedRow[]> {
      let query = selectRows(context, target).where(sql.ref(target.row), '>', input.after).limit(input.limit);
      if (input.row !== null) query = query.where(sql.ref(target.row), '=', input.row);
      return (await query.execute()).map(toSealedRow);
    },

    async countUnder(target: SealedTarget, keyId: number): Promise<number> {
      const row = await db
        .selectFrom(tableOf(target))
        .select(sql<number>`count(*)`.as('count'))
        .where(sql.ref(target.column), 'is not', null)
        .where(dataKeyOf(target), '=', encodeKeyId(keyId))
        .executeTakeFirstOrThrow();
      return row.count;
    },

    /** How many values are under each data key; those too short to name one are under 0, which no key has. */
    async countByKey(target: SealedTarget): Promise<ReadonlyMap<number, number>> {
      const rows = await db
        .selectFrom(tableOf(target))
        .select([dataKeyOf(target).as('key'), sql<number>`count(*)`.as('count')])
        .where(sql.ref(target.column), 'is not', null)
        .groupBy(dataKeyOf(target))
        .execute();
      const counts = new Map<number, number>();
      for (const { key, count } of rows) counts.set(readKeyId(key), (counts.get(readKeyId(key)) ?? 0) + count);
      return counts;
    },

    /**
     * Puts others in the place of values that are still exactly the expected ones, and returns the rows of these; a newer
     * value stays. One statement for all, since each would be a journey to the database.
     */
    async replace(target: SealedTarget, changes: readonly Replacement[]): Promise<ReadonlySet<string>> {
      if (changes.length === 0) return new Set();
      const [key, column] = [sql.ref(target.row), sql.ref(target.column)];
      const values = changes.map(({ row, sealed }) => sql`when ${row} then ${sealed}`);
      const matches = changes.map(({ row, expected }) => sql`(${key} = ${row} and ${column} = ${expected})`);
      const { rows } = await sql<{ row: string }>`update ${sql.table(target.table)}
        set ${column} = case ${key} ${sql.join(values, sql` `)} else ${column} end
        where ${sql.join(matches, sql` or `)} returning ${key} as ${sql.id('row')}`.execute(db);
      return new Set(rows.map(({ row }) => row));
    },

    /** From now on the transaction fails rather than make others wait for rows, when somebody holds one it needs. */
    async giveWay(): Promise<void> {
      for (const statement of context.giveWay) await statement.execute(db);
    },
  };
}

interface SelectedRow {
  readonly row: string;
  readonly version: number;
  readonly workspace: string;
  readonly provider: string;
  readonly origin: string;
  readonly blob: Uint8Array;
}

function selectRows({ db }: StoreContext, target: SealedTarget) {
  return db
    .selectFrom(tableOf(target))
    .select([
      sql.ref<string>(target.row).as('row'),
      (target.version === null ? sql.lit(0) : sql.ref<number>(target.version)).as('version'),
      textOr(target.workspace).as('workspace'),
      textOr(target.provider).as('provider'),
      textOr(target.origin).as('origin'),
      sql.ref<Uint8Array>(target.column).as('blob'),
    ])
    .where(sql.ref(target.column), 'is not', null)
    .orderBy(sql.ref(target.row));
}

function textOr(column: string | null): RawBuilder<string> {
  return column === null ? sql.lit('') : sql.ref<string>(column);
}

function tableOf(target: SealedTarget): AliasedExpression<object, 'sealed'> {
  return sql<object>`${sql.table(target.table)}`.as('sealed');
}

function dataKeyOf(target: SealedTarget): RawBuilder<Uint8Array> {
  return sql<Uint8Array>`substr(${sql.ref(target.column)}, 5, 4)`;
}

/** SQLite gives null for a part of an empty value. */
function readKeyId(bytes: Uint8Array | null): number {
  return bytes === null || bytes.length < 4 ? 0 : Buffer.from(bytes).readUInt32BE();
}

function encodeKeyId(keyId: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(keyId);
  return bytes;
}

function toSealedRow({ row, version, workspace, provider, origin, blob }: SelectedRow): SealedRow {
  const sealed = decodeSealed(blob);
  if (sealed === null) throw new Error('a row without a value was selected');
  return { row, version, workspaceId: workspace, providerId: provider, origin, blob: sealed };
}
