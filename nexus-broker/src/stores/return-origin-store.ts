import { NexusError } from '@nexus/core/errors';
import type { Selectable } from 'kysely';
import type { ReturnOrigin } from '../domain/return-origin.js';
import type { ReturnOriginTable } from './schema.js';
import { hasWon, type StoreContext } from './store-context.js';

export function createReturnOriginStore({ db }: StoreContext) {
  return {
    /** @throws NexusError `return_origin_exists` for an origin and path prefix that are registered already. */
    async insert(returnOrigin: ReturnOrigin): Promise<void> {
      const result = await db
        .insertInto('return_origin')
        .values(toRow(returnOrigin))
        .onConflict((conflict) => conflict.columns(['origin', 'path_prefix']).doNothing())
        .executeTakeFirst();
      if (result.numInsertedOrUpdatedRows !== 1n) {
        throw new NexusError('return_origin_exists', 'This return origin is registered already.');
      }
    },

    async findById(returnOriginId: string): Promise<ReturnOrigin | null> {
      const row = await db
        .selectFrom('return_origin')
        .selectAll()
        .where('return_origin_id', '=', returnOriginId)
        .executeTakeFirst();
      return row === undefined ? null : toReturnOrigin(row);
    },

    async list(): Promise<ReturnOrigin[]> {
      const rows = await db.selectFrom('return_origin').selectAll().orderBy('origin').orderBy('path_prefix').execute();
      return rows.map(toReturnOrigin);
    },

    async delete(returnOriginId: string): Promise<boolean> {
      const result = await db
        .deleteFrom('return_origin')
        .where('return_origin_id', '=', returnOriginId)
        .executeTakeFirst();
      return hasWon(result);
    },
  };
}

function toReturnOrigin(row: Selectable<ReturnOriginTable>): ReturnOrigin {
  return {
    returnOriginId: row.return_origin_id,
    origin: row.origin,
    appName: row.app_name,
    completion: row.completion,
    pathPrefix: row.path_prefix === '' ? null : row.path_prefix,
    createdAt: row.created_at,
  };
}

function toRow(returnOrigin: ReturnOrigin): ReturnOriginTable {
  return {
    return_origin_id: returnOrigin.returnOriginId,
    origin: returnOrigin.origin,
    app_name: returnOrigin.appName,
    completion: returnOrigin.completion,
    path_prefix: returnOrigin.pathPrefix ?? '',
    created_at: returnOrigin.createdAt,
  };
}
