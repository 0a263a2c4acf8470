import { NexusError } from '@nexus/core/errors';
import type { AuditLog } from '../../audit/audit-log.js';
import type { AuditSealer } from '../../audit/audit-sealer.js';
import { type ExportRange, renderExport } from '../../audit/render-export.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { Database } from '../../stores/database.js';

export interface ExportAuditDeps {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly auditSealer: AuditSealer;
  readonly onBackgroundError: (error: unknown) => void;
}

/**
 * The log as text of whole lines, page by page as it is read. That it was exported is durable before the first of them. A
 * range with an end is covered by a checkpoint first, so that it is the same bytes whenever it is exported again.
 *
 * @throws NexusError `invalid_request`, `range_not_prunable`, `audit_unavailable`.
 */
export async function exportAudit(
  deps: ExportAuditDeps,
  range: ExportRange,
  context: RequestContext,
): Promise<AsyncGenerator<string>> {
  const { fromSeq, toSeq } = range;
  if (toSeq !== null) await cover(deps, fromSeq ?? 1, toSeq);
  await deps.audit.disclose(
    { eventType: 'audit.exported', outcome: 'success', data: { from_seq: fromSeq, to_seq: toSeq } },
    toAuditOrigin(context),
  );
  // What cannot be sealed now is shown as not sealed.
  if (toSeq === null) await deps.auditSealer.sealNow().catch(deps.onBackgroundError);
  return renderExport(deps.database.stores, range);
}

async function cover({ database, auditSealer }: ExportAuditDeps, fromSeq: number, toSeq: number): Promise<void> {
  if (fromSeq > toSeq) throw new NexusError('invalid_request', 'from_seq must not be greater than to_seq.');
  const { auditChain } = database.stores;
  if (((await auditChain.newestCheckpoint())?.size ?? 0) >= toSeq) return;
  await auditSealer.checkpointSoon();
  const size = (await auditChain.newestCheckpoint())?.size ?? 0;
  if (size < toSeq)
    throw new NexusError('range_not_prunable', `The last checkpoint of the log covers ${size} entries.`);
}
