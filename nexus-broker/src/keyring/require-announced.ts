import { toEpochMs, toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { KeyRingRow } from '@nexus/vault/key-ring';
import type { Stores } from '../stores/database.js';

/** The entry is made by another look at the clock than the key, maybe that of another Broker. */
const disorderMs = 150_000;
/** A key-encryption key may have the same id. */
const candidates = 2;

/**
 * A checkpoint key may sign only once a checkpoint of the key before it covers the entry that names it: nobody could
 * follow from that key to this one otherwise.
 *
 * @throws NexusError `key_state_conflict`.
 */
export async function requireAnnounced(stores: Stores, key: KeyRingRow): Promise<void> {
  const since = toInstant(toEpochMs(key.createdAt) - disorderMs);
  const filter = { eventTypes: ['vault.key_added'], resourceId: String(key.id), since, limit: candidates };
  const found = (await stores.audit.list(filter)).filter(({ entry }) => namesDataKey(entry.entry));
  const covered = (await stores.auditChain.newestCheckpoint())?.size ?? 0;
  if (found.some(({ seq }) => seq !== null && seq <= covered)) return;
  // What was removed from the log was covered.
  if (found.length === 0 && ((await stores.auditChain.first())?.seq ?? 1) > 1) return;
  throw new NexusError(
    'key_state_conflict',
    `No checkpoint covers the entry yet that names data key ${key.id}, so nothing was promoted; try again.`,
  );
}

function namesDataKey(entry: string): boolean {
  return (JSON.parse(entry) as { data: { purpose?: string } }).data.purpose === 'checkpoint';
}
