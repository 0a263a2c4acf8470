import { createRoute } from '@hono/zod-openapi';
import { Pruned, PruneInput } from '@nexus/broker-api/audit';
import { type PruneAuditDeps, pruneAudit } from '../../services/audit/prune-audit.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'pruneAudit',
  method: 'post',
  path: '/admin/v1/audit/prune',
  tags: ['Audit'],
  summary: 'Remove the oldest entries, which the caller holds as an archive',
  request: jsonBody(PruneInput),
  responses: {
    200: jsonAnswer(Pruned, 'The entries are gone; their checkpoints stay.'),
    ...errorAnswers('range_not_prunable', 'archive_mismatch', 'audit_unavailable'),
  },
  ...keyRoute(['admin'], ['audit.pruned']),
});

export function registerPruneAudit(app: BrokerApp, deps: PruneAuditDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { to_seq: toSeq, archive_sha256: archiveSha256 } = c.req.valid('json');
    const pruned = await pruneAudit(deps, { toSeq, archiveSha256 }, c.get('context'));
    return c.json({ from_seq: pruned.fromSeq, to_seq: pruned.toSeq, count: pruned.count }, 200);
  });
}
