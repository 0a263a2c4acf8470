import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../stores/database.js';
import { BackupError, commandExits } from './backup-error.js';

/** A Broker gives a sign of life every two seconds; a copy of a database shows the last one for ever. */
const liveSeconds = 15;
const watchMs = 5_000;

/**
 * A database that is verified must stand still.
 *
 * @throws BackupError 1 while a Broker is at work on it.
 */
export async function expectQuiet({ stores }: Pick<Database, 'stores'>): Promise<void> {
  const before = await stores.brokerInstances.listSeenWithin(liveSeconds);
  if (before.length === 0) return;
  await sleep(watchMs);
  const after = await stores.brokerInstances.listSeenWithin(liveSeconds);
  const seen = new Set(before.map(({ id, seenAt }) => `${id} ${seenAt}`));
  const live = after.filter(({ id, seenAt }) => !seen.has(`${id} ${seenAt}`));
  if (live.length === 0) return;
  const names = live.map(({ id }) => id).join(', ');
  throw new BackupError(commandExits.failed, `Brokers are at work on this database: ${names}. Stop them first.`);
}
