import type { Database, Stores } from '../../stores/database.js';
import type { Mortal, Timeline } from './timeline.js';

/** What is wrong with the database, for every replica. */
export interface DatabaseFaults {
  isDown: boolean;
  /** Unix milliseconds until which it was out of reach; every Broker that lives has noticed, as each writes by itself. */
  downUntilMs: number;
  /** Transactions from now on that commit and then tell that they did not. */
  commitsToHide: number;
}

/** As long as the real one remembers. */
const outageMemoryMs = 10_000;

/** One database as one of several Brokers sees it: others may come first at every turn, and it may be out of reach. */
export function openReplicaDatabase(
  database: Database,
  replica: Mortal,
  { timeline, faults, isExclusive }: { timeline: Timeline; faults: DatabaseFaults; isExclusive: boolean },
): Database {
  let failedAtMs = Number.NEGATIVE_INFINITY;
  const fail = (message: string): never => {
    failedAtMs = timeline.nowMs;
    throw new Error(message);
  };
  const enter = async () => {
    await timeline.step(replica);
    if (faults.isDown) fail('the database does not answer');
  };
  const takeTurns = (store: object): object =>
    new Proxy(store, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as (...input: unknown[]) => unknown;
        return async (...input: unknown[]) => {
          await enter();
          return method.apply(target, input);
        };
      },
    });
  return {
    ...database,
    isExclusive,
    hadOutage: () => timeline.nowMs - Math.max(failedAtMs, faults.downUntilMs) <= outageMemoryMs,
    stores: new Proxy(database.stores, { get: (target, name: keyof Stores) => takeTurns(target[name]) }),
    now: async () => {
      await enter();
      return database.now();
    },
    transaction: async (work) => {
      await enter();
      const result = await database.transaction(work);
      if (faults.commitsToHide > 0) {
        faults.commitsToHide -= 1;
        fail('the connection broke at the commit');
      }
      return result;
    },
  };
}
