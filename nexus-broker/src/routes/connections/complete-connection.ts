import { createRoute } from '@hono/zod-openapi';
import { Completed, CompletionRequest } from '@nexus/broker-api/connections';
import { type CompleteConnectionDeps, completeConnection } from '../../services/connections/complete-connection.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';

const route = createRoute({
  operationId: 'completeConnection',
  method: 'post',
  path: '/internal/v1/connections/complete',
  tags: ['Connections'],
  summary: 'Make the credential of a bound flow usable',
  request: jsonBody(CompletionRequest),
  responses: { 200: jsonAnswer(Completed, 'The connection is active.'), ...errorAnswers('completion_refused') },
  ...gatewayRoute('anyone', ['connection.activated', 'connection.reconnected', 'connection.failed']),
});

export function registerCompleteConnection(app: BrokerApp, deps: CompleteConnectionDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const input = { handle: body.handle, codeVerifier: body.code_verifier };
    const { connectionRef } = await completeConnection(deps, input, c.get('context'));
    return c.json({ connection_ref: connectionRef, status: 'active' as const }, 200);
  });
}
