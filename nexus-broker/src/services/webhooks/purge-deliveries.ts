import type { Database } from '../../stores/database.js';

const batch = 500;
const keepFinishedSeconds = 30 * 24 * 3600;

/** Forgets deliveries that ended long ago, and those of deleted webhooks, in short transactions. */
export async function purgeDeliveries({ database }: { readonly database: Database }): Promise<void> {
  const input = { secondsAgo: keepFinishedSeconds, limit: batch };
  while ((await database.transaction((stores) => stores.webhookDeliveries.purge(input))) === batch);
}
