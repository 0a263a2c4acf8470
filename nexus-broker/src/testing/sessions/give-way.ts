import type { Database, Stores } from '../../stores/database.js';

/**
 * While `isCrowded`, lets whatever waits run before every read outside a transaction, as it would if a database were asked
 * over the network. One in this process answers at once, and requests would hardly ever meet.
 */
export function giveWay(database: Database, isCrowded: () => boolean): Database {
  const turn = async () => {
    if (isCrowded()) await new Promise(setImmediate);
  };
  const giveWayIn = (store: object): object =>
    new Proxy(store, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as (...input: unknown[]) => unknown;
        return async (...input: unknown[]) => {
          await turn();
          return method.apply(target, input);
        };
      },
    });
  const now = async () => {
    await turn();
    return database.now();
  };
  return {
    ...database,
    now,
    stores: new Proxy(database.stores, { get: (target, name: keyof Stores) => giveWayIn(target[name]) }),
  };
}
