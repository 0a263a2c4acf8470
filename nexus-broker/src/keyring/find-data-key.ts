import { NexusError } from '@nexus/core/errors';
import type { KeyRingRow } from '@nexus/vault/key-ring';
import type { Stores } from '../stores/database.js';

/** @throws NexusError `data_key_not_found`. */
export async function findDataKey(stores: Stores, id: number): Promise<KeyRingRow> {
  const row = await stores.keyRing.find(id);
  if (row === null) throw new NexusError('data_key_not_found', 'No data key has this id.');
  return row;
}

export function wrongState(row: KeyRingRow, needed: string): NexusError {
  return new NexusError(
    'key_state_conflict',
    `Data key ${row.id} is ${row.state}; this step needs one that is ${needed}.`,
  );
}
