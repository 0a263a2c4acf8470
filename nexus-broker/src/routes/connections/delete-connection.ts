import { createRoute } from '@hono/zod-openapi';
import { ConnectionDeleted, ConnectionDeletion } from '@nexus/broker-api/connections';
import { type DeleteConnectionDeps, deleteConnection } from '../../services/connections/delete-connection.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';
import { toConnectionDeleted } from './deleted-connection.js';

const route = createRoute({
  operationId: 'deleteConnection',
  method: 'post',
  path: '/internal/v1/connections/delete',
  tags: ['Connections'],
  summary: 'End a connection, at the provider too where that is safe',
  request: jsonBody(ConnectionDeletion),
  responses: { 200: jsonAnswer(ConnectionDeleted, 'It has ended.'), ...errorAnswers('connection_not_found') },
  ...gatewayRoute(['app', 'operator', 'admin'], ['connection.revoked']),
});

export function registerDeleteConnection(app: BrokerApp, deps: DeleteConnectionDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const input = { connection: body.connection, reason: body.reason ?? null };
    return c.json(toConnectionDeleted(await deleteConnection(deps, input, c.get('context'))), 200);
  });
}
