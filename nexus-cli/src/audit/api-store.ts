/** What the store of a Broker at work holds, for the comparison with its log. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreSource } from '@nexus/audit-chain/verify';
import type { StoredBlobPage } from '@nexus/broker-api/vault';
import type { Broker } from '../broker.js';

type Blob = StoredBlobPage['blobs'][number];

const pageSize = 5_000;
/** By then what a change recorded is sealed: soon as a rule, at the last look even if another Broker had to take over. */
const settleMs = [1_000, 3_000, 12_000] as const;

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
  let looks = 0;
  return {
    blobs: () => list(null),
    async again(rows, fromSeq) {
      const blobs: Blob[] = [];
      for (const { row } of rows) for await (const blob of list(row)) blobs.push(blob);
      // The log after the rows, so that it tells of everything they hold; only what is sealed by then counts.
      await sleep(settleMs[Math.min(looks, settleMs.length - 1)]);
      looks += 1;
      return { blobs, lines: await broker.stream('/audit/export', { from_seq: fromSeq }) };
    },
  };
}
