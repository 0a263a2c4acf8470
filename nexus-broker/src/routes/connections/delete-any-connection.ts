import { createRoute } from '@hono/zod-openapi';
import { ConnectionDeleted, ConnectionDeletionReason } from '@nexus/broker-api/connections';
import { type DeleteConnectionDeps, deleteConnection } from '../../services/connections/delete-connection.js';
import type { AccessDeps } from '../access.js';
import {
  type BrokerApp,
  errorAnswers,
  guard,
  idParameter,
  jsonAnswer,
  keyRoute,
  optionalJsonBody,
  reasonQuery,
} from '../operation.js';
import { toConnectionDeleted } from './deleted-connection.js';

const route = createRoute({
  operationId: 'deleteAnyConnection',
  method: 'delete',
  path: '/admin/v1/connections/{id}',
  tags: ['Connections'],
  summary: 'End a connection by its ref',
  request: { params: idParameter, query: reasonQuery, ...optionalJsonBody(ConnectionDeletionReason) },
  responses: { 200: jsonAnswer(ConnectionDeleted, 'It has ended.'), ...errorAnswers('connection_not_found') },
  ...keyRoute(['operator', 'admin'], ['connection.revoked']),
});

export function registerDeleteAnyConnection(app: BrokerApp, deps: DeleteConnectionDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const reason = c.req.valid('json').reason ?? c.req.valid('query').reason ?? null;
    const input = { connection: c.req.valid('param').id, reason };
    return c.json(toConnectionDeleted(await deleteConnection(deps, input, c.get('context'))), 200);
  });
}
