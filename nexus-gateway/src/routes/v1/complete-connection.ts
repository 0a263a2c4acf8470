import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/connections';
import { identifyConnectionCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { Completed, CompletionRequest } from '../../schemas/v1/connection.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { toCompleted } from '../../translate/connection.js';

const route = createRoute({
  method: 'post',
  path: '/v1/complete-connection',
  operationId: 'completeConnection',
  tags: ['Connections'],
  summary: 'Complete a bound flow',
  description:
    'Makes the credential usable with the verifier behind `completion_challenge`. A wrong verifier burns the handle.',
  security: [{}, { ApiKey: [] }],
  request: { body: { required: true, content: { 'application/json': { schema: CompletionRequest } } } },
  responses: {
    200: { description: 'The connection is active.', content: { 'application/json': { schema: Completed } } },
    ...errorResponses(400, 401, 403, 409, 410, 413, 415, 429, 503),
  },
});

export function registerCompleteConnection(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const answer = await deps.broker.call<Broker.Completed>(identifyConnectionCaller(c, deps), {
      method: 'POST',
      path: '/internal/v1/connections/complete',
      body: c.req.valid('json'),
    });
    return c.json(toCompleted(answer), 200);
  });
}
