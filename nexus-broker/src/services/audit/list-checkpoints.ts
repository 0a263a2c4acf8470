import { encodeVerifierKey } from '@nexus/audit-chain/signed-note';
import { NexusError } from '@nexus/core/errors';
import type { Vault } from '@nexus/vault/vault';
import type { StoredCheckpoint } from '../../stores/audit-chain-store.js';
import type { Database } from '../../stores/database.js';

export interface ListCheckpointsDeps {
  readonly database: Database;
  readonly vault: Vault;
}

export interface CheckpointPage {
  readonly checkpoints: readonly StoredCheckpoint[];
  /** Public keys as notes name them, the oldest first. */
  readonly verifierKeys: readonly string[];
  readonly nextCursor: string | null;
}

/** Signed checkpoints in order of size; the cursor is the size of the last one of the page before. */
export async function listCheckpoints(
  deps: ListCheckpointsDeps,
  input: { readonly limit: number; readonly cursor: string | null },
): Promise<CheckpointPage> {
  const after = input.cursor ?? '0';
  if (!/^\d{1,15}$/.test(after)) {
    throw new NexusError('invalid_cursor', 'cursor must be the next_cursor of the previous page.');
  }
  const rows = await deps.database.stores.auditChain.listCheckpoints({
    from: Number(after) + 1,
    to: null,
    limit: input.limit + 1,
  });
  const checkpoints = rows.slice(0, input.limit);
  const keys = [...deps.vault.publicKeys()].sort((one, other) => one.keyId - other.keyId);
  return {
    checkpoints,
    verifierKeys: keys.map(({ keyId, publicKey }) => encodeVerifierKey({ name: `nexus-${keyId}`, publicKey })),
    nextCursor: rows.length > checkpoints.length ? String(checkpoints.at(-1)?.size) : null,
  };
}
