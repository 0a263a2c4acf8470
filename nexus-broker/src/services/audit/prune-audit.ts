import { createHash } from 'node:crypto';
import { NexusError } from '@nexus/core/errors';
import type { AuditLog } from '../../audit/audit-log.js';
import { type ExportRange, renderExport } from '../../audit/render-export.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { Database, Stores } from '../../stores/database.js';

export interface PruneAuditDeps {
  readonly database: Database;
  readonly audit: AuditLog;
}

export interface PruneAuditInput {
  /** The last entry to go. */
  readonly toSeq: number;
  /** SHA-256 of the export from the first entry there is to `toSeq`, in hex. */
  readonly archiveSha256: string;
}

export interface PrunedRange {
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly count: number;
}

/** Nothing can be written while the range goes, so it goes within half a second on a slow machine. */
const maxEntries = 10_000;

/**
 * Removes the oldest entries, once the caller has shown by its hash that it holds them as an archive. Their checkpoints
 * stay, and an entry tells of the range and the archive.
 *
 * @throws NexusError `range_not_prunable`, `archive_mismatch`.
 */
export async function pruneAudit(
  deps: PruneAuditDeps,
  input: PruneAuditInput,
  context: RequestContext,
): Promise<PrunedRange> {
  const { stores } = deps.database;
  const { toSeq, archiveSha256 } = input;
  const fromSeq = await findStart(stores, toSeq);
  if ((await hashExport(stores, { fromSeq, toSeq })) !== archiveSha256) {
    throw new NexusError('archive_mismatch', `The archive is not the export of entries ${fromSeq} to ${toSeq}.`);
  }
  return deps.database.transactionAsOwner(async ({ audit, auditChain }) => {
    if ((await auditChain.first())?.seq !== fromSeq) throw notPrunable('The log was pruned just now.');
    const count = await auditChain.prune(toSeq);
    const data = { from_seq: fromSeq, to_seq: toSeq, count, archive_sha256: archiveSha256 };
    await audit.insert([
      deps.audit.entry({ eventType: 'audit.pruned', outcome: 'success', data }, toAuditOrigin(context)),
    ]);
    return { fromSeq, toSeq, count };
  });
}

async function findStart({ auditChain }: Stores, toSeq: number): Promise<number> {
  const first = await auditChain.first();
  const head = await auditChain.head();
  const covered = (await auditChain.newestCheckpoint())?.size ?? 0;
  if (first === null || head === null || toSeq < first.seq) throw notPrunable('The log has no entry in this range.');
  if (toSeq > covered) throw notPrunable(`The last checkpoint of the log covers ${covered} entries.`);
  // The chain goes on from the newest link.
  if (toSeq >= head.seq) throw notPrunable('The newest entry must stay.');
  const last = first.seq + maxEntries - 1;
  if (toSeq > last) throw notPrunable(`At most ${maxEntries} entries go at a time; to_seq can be ${last} at most.`);
  return first.seq;
}

async function hashExport(stores: Stores, range: ExportRange): Promise<string> {
  const hash = createHash('sha256');
  for await (const lines of renderExport(stores, range)) hash.update(lines, 'utf8');
  return hash.digest('hex');
}

function notPrunable(message: string): NexusError {
  return new NexusError('range_not_prunable', message);
}
