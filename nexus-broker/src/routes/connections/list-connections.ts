import { createRoute } from '@hono/zod-openapi';
import { ConnectionList, ConnectionListQuery } from '@nexus/broker-api/connections';
import { listConnections } from '../../services/connections/list-connections.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';
import { toConnectionSummary } from './connection-summary.js';

const route = createRoute({
  operationId: 'listConnections',
  method: 'post',
  path: '/internal/v1/connections/list',
  tags: ['Connections'],
  summary: 'List connections that keys started',
  request: jsonBody(ConnectionListQuery),
  responses: { 200: jsonAnswer(ConnectionList, 'The connections.'), ...errorAnswers('provider_not_found') },
  ...gatewayRoute(['app', 'operator', 'admin'], { none: 'it discloses no credential' }),
});

export function registerListConnections(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const page = await listConnections(
      deps,
      {
        workspaceId: body.workspace_id ?? null,
        providerName: body.provider_name ?? null,
        status: body.status ?? null,
        requestedBy: body.requested_by ?? null,
        limit: body.limit ?? null,
        after: body.after ?? null,
        startedByOwner: true,
      },
      c.get('context'),
    );
    return c.json(
      {
        connections: page.connections.map(toConnectionSummary),
        ...(page.nextCursor === null ? {} : { next_cursor: page.nextCursor }),
      },
      200,
    );
  });
}
