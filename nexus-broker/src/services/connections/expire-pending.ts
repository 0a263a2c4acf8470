import { type Clock, toInstant } from '@nexus/core/clock';
import type { Database } from '../../stores/database.js';

const batch = 100;

/** Writes down which pending connections have run out, so that those who wait for an event learn of it. */
export async function expirePending(deps: { readonly database: Database; readonly clock: Clock }): Promise<void> {
  const isFull = () =>
    deps.database.transaction(async ({ connections }) => {
      const expired = await connections.expirePending({ at: toInstant(deps.clock.now()), limit: batch });
      return expired === batch;
    });
  while (await isFull());
}
