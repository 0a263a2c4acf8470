import type { KeyRingRow, KeyRingStore } from '@nexus/vault/key-ring';
import type { StoreContext } from './store-context.js';

export function createKeyRingStore({ db }: StoreContext): KeyRingStore {
  return {
    async list(): Promise<readonly KeyRingRow[]> {
      const rows = await db.selectFrom('key_ring').selectAll().orderBy('id').execute();
      return rows.map((row) => ({
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
      }));
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
  };
}
