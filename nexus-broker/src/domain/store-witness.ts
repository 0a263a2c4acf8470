import { createHash } from 'node:crypto';
import type { StoreWitness } from './audit-event.js';

/** The tables whose sealed values the log remembers, so that one put back from the past is found. */
type WitnessedTable = 'connection' | 'provider' | 'agent_session' | 'webhook';

/** What an audit entry remembers of a stored value; of null, that it was erased. */
export function witness(table: WitnessedTable, row: string, version: number, sealed: Uint8Array | null): StoreWitness {
  const blobSha256 = sealed === null ? null : createHash('sha256').update(sealed).digest('hex');
  return { table, row, version, blobSha256 };
}
