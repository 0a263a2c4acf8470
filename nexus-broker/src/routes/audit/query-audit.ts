import { createRoute, z } from '@hono/zod-openapi';
import { AuditEvent, AuditPage, AuditQuery } from '@nexus/broker-api/audit';
import { type AuditPage as Page, type QueryAuditDeps, queryAudit } from '../../services/audit/query-audit.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'queryAudit',
  method: 'get',
  path: '/audit',
  tags: ['Audit'],
  summary: 'Query audit log events',
  request: { query: AuditQuery },
  responses: {
    200: {
      description: 'One page of events; `format=array` gives the bare array.',
      content: { 'application/json': { schema: z.union([AuditPage, z.array(AuditEvent)]) } },
    },
    ...errorAnswers('invalid_since', 'invalid_cursor'),
  },
  ...keyRoute(['auditor', 'admin'], { none: 'reading the log is not itself logged; exporting it is' }),
});

export function registerQueryAudit(app: BrokerApp, deps: QueryAuditDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const query = c.req.valid('query');
    const page = await queryAudit(deps, {
      eventTypes: [query.event_type ?? []].flat(),
      connectionRef: query.connection_ref ?? null,
      resourceId: query.resource_id ?? null,
      agentId: query.agent_id ?? null,
      actor: query.actor ?? null,
      workspaceId: query.workspace_id ?? null,
      outcome: query.outcome ?? null,
      since: query.since ?? null,
      until: query.until ?? null,
      limit: query.limit,
      cursor: query.cursor ?? null,
      order: query.order,
    });
    const events = page.events.map(toWireEvent);
    if (query.format === 'array') return c.json(events, 200);
    return c.json(
      { events, limit: query.limit, ...(page.nextCursor === null ? {} : { next_cursor: page.nextCursor }) },
      200,
    );
  });
}

/** The entry is wire format already, but for its version, its witness and the resource, which the data name. */
function toWireEvent({ entry, seq }: Page['events'][number]): z.infer<typeof AuditEvent> {
  const written = JSON.parse(entry.entry) as Record<string, unknown>;
  const { v: _version, store: _witness, resource_id: _resource, ...event } = written;
  return { ...event, seq } as unknown as z.infer<typeof AuditEvent>;
}
