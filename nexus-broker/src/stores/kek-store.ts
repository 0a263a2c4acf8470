import type { Selectable } from 'kysely';
import type { Kek, KekState } from '../domain/key-rotation.js';
import type { KekTable } from './schema.js';
import { hasWon, type StoreContext } from './store-context.js';

export function createKekStore({ db, databaseNow }: StoreContext) {
  return {
    /** In the order they were added. */
    async list(): Promise<Kek[]> {
      const rows = await db.selectFrom('kek').selectAll().orderBy('added_at').orderBy('kek_id').execute();
      return rows.map(toKek);
    },

    async find(id: string): Promise<Kek | null> {
      const row = await db.selectFrom('kek').selectAll().where('kek_id', '=', id).executeTakeFirst();
      return row === undefined ? null : toKek(row);
    },

    /** False when the id is known already; nothing is changed then. */
    async insert(
      kek: Pick<Kek, 'id' | 'probe' | 'probeKcv'> & { readonly state: 'added' | 'primary' },
    ): Promise<boolean> {
      const result = await db
        .insertInto('kek')
        .values({
          kek_id: kek.id,
          state: kek.state,
          added_at: databaseNow(),
          promoted_at: kek.state === 'primary' ? databaseNow() : null,
          retired_at: null,
          probe: kek.probe,
          probe_kcv: kek.probeKcv,
        })
        .onConflict((conflict) => conflict.column('kek_id').doNothing())
        .executeTakeFirst();
      return result.numInsertedOrUpdatedRows === 1n;
    },

    async changeState(id: string, from: readonly KekState[], to: KekState): Promise<boolean> {
      const result = await db
        .updateTable('kek')
        .set({
          state: to,
          ...(to === 'primary' ? { promoted_at: databaseNow() } : {}),
          ...(to === 'retired' ? { retired_at: databaseNow() } : {}),
        })
        .where('kek_id', '=', id)
        .where('state', 'in', from)
        .executeTakeFirst();
      return hasWon(result);
    },
  };
}

function toKek(row: Selectable<KekTable>): Kek {
  return {
    id: row.kek_id,
    state: row.state,
    addedAt: row.added_at,
    promotedAt: row.promoted_at,
    retiredAt: row.retired_at,
    probe: row.probe,
    probeKcv: row.probe_kcv,
  };
}
