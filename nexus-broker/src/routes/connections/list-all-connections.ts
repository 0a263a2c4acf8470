import { createRoute } from '@hono/zod-openapi';
import { ConnectionList, ConnectionListParameters } from '@nexus/broker-api/connections';
import { listConnections } from '../../services/connections/list-connections.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { toAdministeredConnection } from './connection-summary.js';

const route = createRoute({
  operationId: 'listAllConnections',
  method: 'get',
  path: '/admin/v1/connections',
  tags: ['Connections'],
  summary: 'List and filter connections, anonymous ones included',
  request: { query: ConnectionListParameters },
  responses: { 200: jsonAnswer(ConnectionList, 'The connections.'), ...errorAnswers('provider_not_found') },
  ...keyRoute(['operator', 'admin'], { none: 'it discloses no credential' }),
});

export function registerListAllConnections(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const query = c.req.valid('query');
    const page = await listConnections(
      deps,
      {
        workspaceId: query.workspace_id ?? null,
        providerName: query.provider_name ?? null,
        status: query.status ?? null,
        requestedBy: query.requested_by ?? null,
        limit: query.limit ?? null,
        after: query.cursor ?? null,
        startedByOwner: false,
      },
      c.get('context'),
    );
    return c.json(
      {
        connections: page.connections.map(toAdministeredConnection),
        ...(page.nextCursor === null ? {} : { next_cursor: page.nextCursor }),
      },
      200,
    );
  });
}
