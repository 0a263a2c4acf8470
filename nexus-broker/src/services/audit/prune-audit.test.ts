import { toInstant } from '@nexus/core/clock';
import { beforeEach, expect, it } from 'vitest';
import type { AuditLog } from '../../audit/audit-log.js';
import type { Database } from '../../stores/database.js';
import { describeEachDatabase } from '../../stores/describe-each-database.js';
import { createEntry } from '../../stores/store-fixture.js';
import { pruneAudit } from './prune-audit.js';

describeEachDatabase('pruning the audit log', (open) => {
  let database: Database;
  const hash = new Uint8Array(32);

  beforeEach(async () => {
    database = await open();
    const entries = [createEntry(), createEntry()];
    const seqs = [301, 20_000];
    await database.transaction(async ({ audit, auditChain }) => {
      await audit.insert(entries);
      await auditChain.insert(
        entries.map(({ id }, index) => ({ seq: seqs[index] ?? 0, eventId: id, prevHash: hash, hash })),
      );
      await auditChain.insertCheckpoint({ size: 19_000, createdAt: toInstant(0), note: 'note', keyId: 5 });
    });
  });

  it('takes 10,000 entries at a time, and names the last one that can go', async () => {
    const prune = (toSeq: number) =>
      pruneAudit(
        { database, audit: {} as AuditLog },
        { toSeq, archiveSha256: '' },
        // Nothing is recorded here.
        {} as never,
      );
    await expect(prune(10_301)).rejects.toMatchObject({
      code: 'range_not_prunable',
      message: 'At most 10000 entries go at a time; to_seq can be 10300 at most.',
    });
    await expect(prune(10_300)).rejects.toMatchObject({ code: 'archive_mismatch' });
  });
});
