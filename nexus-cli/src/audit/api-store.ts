/** What the store of a Broker at work holds, for the comparison with its log. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreSource } from '@nexus/audit-chain/verify';
import type { StoredBlobPage } from '@nexus/broker-api/vault';
import type { Broker } from '../broker.js';

type Blob = StoredBlobPage['blobs'][number];

const pageSize = 5_000;
/** A change that is under way is over by then. */
const settleMs = 1_000;

export function createApiStore(broker: Broker): StoreSource {
  async function* list(row: string | null): AsyncGenerator<Blob> {
    let cursor: string | null = null;
    do {
      const query: { row: string | null; limit: number; cursor: string | null } = { row, limit: pageSize, cursor };
      const page: StoredBlobPage = await broker.get('/admin/v1/vault/blobs', query);
      yield* page.blobs;
      cursor = page.next_cursor ?? null;
    } while (cursor !== null);
  }
  return {
    blobs: () => list(null),
    async again(rows, fromSeq) {
      await sleep(settleMs);
      const blobs: Blob[] = [];
      for (const { row } of rows) for await (const blob of list(row)) blobs.push(blob);
      // The log after the rows, so that it tells of everything they hold.
      return { blobs, lines: await broker.stream('/audit/export', { from_seq: fromSeq }) };
    },
  };
}
