import { createRoute, z } from '@hono/zod-openapi';
import { AuditExportQuery } from '@nexus/broker-api/audit';
import { type ExportAuditDeps, exportAudit } from '../../services/audit/export-audit.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, keyRoute } from '../operation.js';

const ndjson = 'application/x-ndjson';

const route = createRoute({
  operationId: 'exportAudit',
  method: 'get',
  path: '/audit/export',
  tags: ['Audit'],
  summary: 'Export the audit log with its chain and checkpoints',
  request: { query: AuditExportQuery },
  responses: {
    200: {
      description: 'Lines of JSON as docs/audit/format.md describes them; a transfer that broke off has no end line.',
      content: { [ndjson]: { schema: z.string() } },
    },
    ...errorAnswers('range_not_prunable', 'audit_unavailable'),
  },
  ...keyRoute(['auditor', 'admin'], ['audit.exported']),
});

export function registerExportAudit(app: BrokerApp, deps: ExportAuditDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { from_seq: fromSeq = null, to_seq: toSeq = null } = c.req.valid('query');
    const lines = await exportAudit(deps, { fromSeq, toSeq }, c.get('context'));
    // The library has no type for an answer in this form.
    return c.body(toStream(lines, deps.onBackgroundError), 200, { 'Content-Type': ndjson }) as never;
  });
}

/** Reads the next page when the one before was taken, so that a slow reader costs no memory. */
function toStream(lines: AsyncGenerator<string>, onError: (error: unknown) => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await lines.next();
          if (done) controller.close();
          else controller.enqueue(encoder.encode(value));
        } catch (error) {
          onError(error);
          controller.error(error);
        }
      },
      async cancel() {
        await lines.return(undefined);
      },
    },
    { highWaterMark: 1 },
  );
}
