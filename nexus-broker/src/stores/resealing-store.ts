/** How far re-sealing is, so that it goes on where it was after a crash, on whichever Broker. */
import type { Selectable } from 'kysely';
import type { ResealingProgress } from '../domain/key-rotation.js';
import type { ResealingTable } from './schema.js';
import type { StoreContext } from './store-context.js';

type Subject = Pick<ResealingProgress, 'keyId' | 'target'>;

export function createResealingStore({ db, databaseNow }: StoreContext) {
  return {
    async list(): Promise<ResealingProgress[]> {
      const rows = await db.selectFrom('resealing').selectAll().orderBy('key_id').orderBy('target').execute();
      return rows.map(toProgress);
    },

    /** Begins a round at the first row; what earlier rounds re-sealed stays counted. */
    async begin({ keyId, target }: Subject): Promise<void> {
      const round = { cursor: '', failed: 0, updated_at: databaseNow(), finished_at: null };
      await db
        .insertInto('resealing')
        .values({
          resealing_id: `${keyId}/${target}`,
          key_id: keyId,
          target,
          resealed: 0,
          started_at: databaseNow(),
          ...round,
        })
        .onConflict((conflict) => conflict.column('resealing_id').doUpdateSet(round))
        .execute();
    },

    async advance(page: Subject & Pick<ResealingProgress, 'cursor' | 'resealed' | 'failed'>): Promise<void> {
      await db
        .updateTable('resealing')
        .set((progress) => ({
          cursor: page.cursor,
          resealed: progress('resealed', '+', page.resealed),
          failed: progress('failed', '+', page.failed),
          updated_at: databaseNow(),
        }))
        .where('resealing_id', '=', `${page.keyId}/${page.target}`)
        .execute();
    },

    async finish({ keyId, target }: Subject): Promise<void> {
      await db
        .updateTable('resealing')
        .set({ updated_at: databaseNow(), finished_at: databaseNow() })
        .where('resealing_id', '=', `${keyId}/${target}`)
        .execute();
    },
  };
}

function toProgress(row: Selectable<ResealingTable>): ResealingProgress {
  return {
    keyId: row.key_id,
    target: row.target,
    cursor: row.cursor,
    resealed: row.resealed,
    failed: row.failed,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
  };
}
