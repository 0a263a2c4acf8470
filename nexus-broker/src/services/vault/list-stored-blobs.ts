import { createHash } from 'node:crypto';
import { NexusError } from '@nexus/core/errors';
import { type SealedRow, type SealedTarget, sealedTargets } from '../../domain/sealed-targets.js';
import type { Database } from '../../stores/database.js';

export interface ListStoredBlobsInput {
  readonly row: string | null;
  readonly limit: number;
  /** `table/row` of the last one of the page before. */
  readonly cursor: string | null;
}

/** A stored value as the audit log can be compared with it. */
export interface StoredBlobView {
  readonly table: string;
  readonly row: string;
  readonly version: number;
  readonly keyId: number;
  readonly blobSha256: string;
}

const keyIdOffset = 4;
const witnessed = sealedTargets.filter((target) => target.isWitnessed);

/**
 * Digests of the sealed values the audit log remembers, by table and row.
 *
 * @throws NexusError `invalid_request` for a cursor that is none.
 */
export async function listStoredBlobs(
  deps: { readonly database: Database },
  input: ListStoredBlobsInput,
): Promise<{ readonly blobs: readonly StoredBlobView[]; readonly nextCursor: string | null }> {
  const { limit, row } = input;
  const start = readCursor(input.cursor);
  const blobs: StoredBlobView[] = [];
  for (const [index, target] of witnessed.entries()) {
    if (index < start.index || blobs.length > limit) continue;
    const page = { row, after: index === start.index ? start.after : '', limit: limit + 1 - blobs.length };
    const rows = await deps.database.stores.sealedBlobs.list(target, page);
    blobs.push(...rows.map((one) => toView(target, one)));
  }
  const last = blobs[limit - 1];
  const hasMore = blobs.length > limit && last !== undefined;
  return { blobs: blobs.slice(0, limit), nextCursor: hasMore ? `${last.table}/${last.row}` : null };
}

function readCursor(cursor: string | null): { readonly index: number; readonly after: string } {
  if (cursor === null) return { index: 0, after: '' };
  const [, table, after = ''] = /^(\w+)\/(.+)$/s.exec(cursor) ?? [];
  const index = witnessed.findIndex((target) => target.table === table);
  if (index === -1) {
    throw new NexusError('invalid_request', 'cursor is not one of an earlier answer.', {
      details: [{ path: 'cursor', message: 'is not one of an earlier answer' }],
    });
  }
  return { index, after };
}

/** A damaged value may be too short to name a key; 0 is no key's id. */
function toView(target: SealedTarget, { row, version, blob }: SealedRow): StoredBlobView {
  const bytes = Buffer.from(blob);
  return {
    table: target.table,
    row,
    version,
    keyId: bytes.length < keyIdOffset + 4 ? 0 : bytes.readUInt32BE(keyIdOffset),
    blobSha256: createHash('sha256').update(bytes).digest('hex'),
  };
}
