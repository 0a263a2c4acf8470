import { createRoute } from '@hono/zod-openapi';
import { ConnectionCheck, ConnectionState } from '@nexus/broker-api/connections';
import { type CheckConnectionDeps, checkConnection } from '../../services/connections/check-connection.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';

const route = createRoute({
  operationId: 'checkConnection',
  method: 'post',
  path: '/internal/v1/connections/check',
  tags: ['Connections'],
  summary: 'Tell the status of a connection, waiting while it is pending',
  request: jsonBody(ConnectionCheck),
  responses: { 200: jsonAnswer(ConnectionState, 'The status.'), ...errorAnswers('connection_not_found') },
  ...gatewayRoute('anyone', ['token.retrieval_failed']),
});

export function registerCheckConnection(app: BrokerApp, deps: CheckConnectionDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const input = { connectionId: body.connection_id, waitSeconds: body.wait_seconds ?? 0 };
    const view = await checkConnection(deps, input, c.get('context'));
    return c.json(
      {
        status: view.status,
        connection_ref: view.connection.connectionRef,
        provider_name: view.providerName,
        scopes: [...(view.connection.grantedScopes ?? [])],
        account: view.account,
        reason: view.reason,
        updated_at: view.connection.updatedAt,
      },
      200,
    );
  });
}
