import { createRoute } from '@hono/zod-openapi';
import { ConnectionSummary } from '@nexus/broker-api/connections';
import { getAnyConnection } from '../../services/connections/get-any-connection.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';
import { toAdministeredConnection } from './connection-summary.js';

const route = createRoute({
  operationId: 'getAnyConnection',
  method: 'get',
  path: '/admin/v1/connections/{id}',
  tags: ['Connections'],
  summary: 'Get a connection by its ref',
  request: { params: idParameter },
  responses: { 200: jsonAnswer(ConnectionSummary, 'The connection.'), ...errorAnswers('connection_not_found') },
  ...keyRoute(['operator', 'admin'], { none: 'it discloses no credential' }),
});

export function registerGetAnyConnection(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const view = await getAnyConnection(deps, { connectionRef: c.req.valid('param').id });
    return c.json(toAdministeredConnection(view), 200);
  });
}
