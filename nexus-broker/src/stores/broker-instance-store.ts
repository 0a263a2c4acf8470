/** Who is at work on this database. A Broker's row says what it can be relied on to hold; times are the database's. */
import type { Selectable } from 'kysely';
import type { BrokerInstance } from '../domain/key-rotation.js';
import { decodeJson, encodeJson } from './codecs.js';
import type { BrokerInstanceTable } from './schema.js';
import type { StoreContext } from './store-context.js';

export function createBrokerInstanceStore({ db, databaseNow }: StoreContext) {
  return {
    /** A sign of life, the first one included. */
    async beat(instance: Pick<BrokerInstance, 'id' | 'version' | 'keks' | 'sealingKeys'>): Promise<void> {
      const report = { keks: encodeJson(instance.keks), sealing_keys: encodeJson(instance.sealingKeys) };
      await db
        .insertInto('broker_instance')
        .values({
          instance_id: instance.id,
          version: instance.version,
          started_at: databaseNow(),
          seen_at: databaseNow(),
          ...report,
        })
        .onConflict((conflict) => conflict.column('instance_id').doUpdateSet({ seen_at: databaseNow(), ...report }))
        .execute();
    },

    async listSeenWithin(seconds: number): Promise<BrokerInstance[]> {
      const rows = await db
        .selectFrom('broker_instance')
        .selectAll()
        .where('seen_at', '>=', databaseNow(-seconds))
        .orderBy('instance_id')
        .execute();
      return rows.map(toInstance);
    },

    async delete(id: string): Promise<void> {
      await db.deleteFrom('broker_instance').where('instance_id', '=', id).execute();
    },

    async deleteUnseenFor(seconds: number): Promise<void> {
      await db.deleteFrom('broker_instance').where('seen_at', '<', databaseNow(-seconds)).execute();
    },

    /** For the start of the only Broker of a database: whoever was at work before is dead. */
    async deleteAll(): Promise<void> {
      await db.deleteFrom('broker_instance').execute();
    },
  };
}

function toInstance(row: Selectable<BrokerInstanceTable>): BrokerInstance {
  return {
    id: row.instance_id,
    version: row.version,
    startedAt: row.started_at,
    seenAt: row.seen_at,
    keks: decodeJson(row.keks),
    sealingKeys: decodeJson(row.sealing_keys) as BrokerInstance['sealingKeys'],
  };
}
