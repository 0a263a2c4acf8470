/** What the store of a Broker at work holds, for the comparison with its log. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreSource } from '@nexus/audit-chain/verify';
import type { StoredBlobPage } from '@nexus/broker-api/vault';
import type { Api } from '../broker.js';

type Blob = StoredBlobPage['blobs'][number];

const pageSize = 5_000;
/** By then what a change recorded is sealed: soon as a rule, at the last look even if another Broker had to take over. */
const settleMs = [1_000, 3_000, 12_000] as const;

export function createApiStore(broker: Api): StoreSource {
  async function* list(row: string | null): AsyncGenerator<Blob> {
    const pages = broker.pages<StoredBlobPage>('/admin/v1/vault/blobs', { row, limit: pageSize });
    for await (const page of pages) yield* page.blobs;
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
