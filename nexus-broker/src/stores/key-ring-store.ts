import type { KeyRingRow, KeyRingStore as RingStore } from '@nexus/vault/key-ring';
import type { Selectable } from 'kysely';
import type { KeyRingTable } from './schema.js';
import { hasWon, type StoreContext } from './store-context.js';

type State = KeyRingRow['state'];

export interface RewrapInput {
  readonly id: number;
  /** What is stored now. */
  readonly expected: Uint8Array;
  readonly wrappedBy: string;
  readonly wrapped: Uint8Array;
}

/** Whatever changes more than one row does so under `lock`, so that each purpose always has exactly one active key. */
export function createKeyRingStore(context: StoreContext) {
  const { db } = context;
  return {
    async list(): Promise<readonly KeyRingRow[]> {
      const rows = await db.selectFrom('key_ring').selectAll().orderBy('id').execute();
      return rows.map(toRingRow);
    },

    async find(id: number): Promise<KeyRingRow | null> {
      const row = await db.selectFrom('key_ring').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? null : toRingRow(row);
    },

    async insert(row: KeyRingRow): Promise<void> {
      await db
        .insertInto('key_ring')
        .values({
          id: row.id,
          purpose: row.purpose,
          state: row.state,
          alg: row.alg,
          wrapped_by: row.wrappedBy,
          wrapped: row.wrapped,
          kcv: row.kcv,
          created_at: row.createdAt,
          activated_at: row.activatedAt,
          retired_at: row.retiredAt,
        })
        .execute();
    },

    /** Nobody else changes the ring or its key-encryption keys until the transaction ends. */
    async lock(): Promise<void> {
      await db
        .insertInto('job_lease')
        .values({ name: 'key-ring', owner: null, until: null })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ owner: null }))
        .execute();
    },

    activate: (key: Pick<KeyRingRow, 'id' | 'purpose'>) => activate(context, key),
    changeState: (id: number, from: readonly State[], to: 'deactivated' | 'compromised') =>
      changeState(context, id, from, to),
    destroy: (id: number, retiredForSeconds: number) => destroy(context, id, retiredForSeconds),
    rewrap: (input: RewrapInput) => rewrap(context, input),
  } satisfies RingStore & Record<string, unknown>;
}

/** Makes a pre-active key the one that seals; returns the ids it takes over from, or null when it is not pre-active. */
async function activate(
  { db, databaseNow }: StoreContext,
  { id, purpose }: Pick<KeyRingRow, 'id' | 'purpose'>,
): Promise<readonly number[] | null> {
  const replaced = await db
    .updateTable('key_ring')
    .set({ state: 'decrypt-only' })
    .where('purpose', '=', purpose)
    .where('state', '=', 'active')
    .returning('id')
    .execute();
  const result = await db
    .updateTable('key_ring')
    .set({ state: 'active', activated_at: databaseNow() })
    .where('id', '=', id)
    .where('state', '=', 'pre-active')
    .executeTakeFirst();
  return hasWon(result) ? replaced.map((row) => row.id) : null;
}

async function changeState(
  { db, databaseNow }: StoreContext,
  id: number,
  from: readonly State[],
  to: 'deactivated' | 'compromised',
): Promise<boolean> {
  const result = await db
    .updateTable('key_ring')
    .set({ state: to, ...(to === 'deactivated' ? { retired_at: databaseNow() } : {}) })
    .where('id', '=', id)
    .where('state', 'in', from)
    .executeTakeFirst();
  return hasWon(result);
}

/** What the key opened is lost from now on. The key must have been retired for so long. */
async function destroy({ db, databaseNow }: StoreContext, id: number, retiredForSeconds: number): Promise<boolean> {
  const result = await db
    .updateTable('key_ring')
    .set({ state: 'destroyed', wrapped: new Uint8Array(0) })
    .where('id', '=', id)
    .where('state', '=', 'deactivated')
    .where('retired_at', '<=', databaseNow(-retiredForSeconds))
    .executeTakeFirst();
  return hasWon(result);
}

/** False when the row is not as it was seen. */
async function rewrap({ db }: StoreContext, input: RewrapInput): Promise<boolean> {
  const result = await db
    .updateTable('key_ring')
    .set({ wrapped_by: input.wrappedBy, wrapped: input.wrapped })
    .where('id', '=', input.id)
    .where('wrapped', '=', input.expected)
    .where('state', '<>', 'destroyed')
    .executeTakeFirst();
  return hasWon(result);
}

function toRingRow(row: Selectable<KeyRingTable>): KeyRingRow {
  return {
    id: row.id,
    purpose: row.purpose,
    state: row.state,
    alg: row.alg,
    wrappedBy: row.wrapped_by,
    wrapped: row.wrapped,
    kcv: row.kcv,
    createdAt: row.created_at,
    activatedAt: row.activated_at,
    retiredAt: row.retired_at,
  };
}
