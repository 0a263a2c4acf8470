import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/connections';
import { identifyConnectionCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { clipId } from '../../opaque-id.js';
import { ConnectionIdParam } from '../../schemas/v1/connection.js';
import { RefreshedPayload } from '../../schemas/v1/credential.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { toRefreshedPayload } from '../../translate/credential.js';

const route = createRoute({
  method: 'post',
  path: '/v1/refresh/{id}',
  operationId: 'refreshConnection',
  tags: ['Connections'],
  summary: 'Force a token refresh for a connection',
  description:
    'The provider is asked at most once in 30 seconds unless the token has expired; `refreshed` says whether it was.',
  security: [{}, { ApiKey: [] }],
  request: { params: ConnectionIdParam },
  responses: {
    200: { description: 'The freshest credential.', content: { 'application/json': { schema: RefreshedPayload } } },
    ...errorResponses(400, 401, 403, 404, 409, 410, 429, 502, 503),
  },
});

export function registerRefreshConnection(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const answer = await deps.broker.call<Broker.CredentialPayload>(identifyConnectionCaller(c, deps), {
      method: 'POST',
      path: '/internal/v1/connections/refresh',
      body: { connection_id: clipId(c.req.valid('param').id) },
    });
    return c.json(toRefreshedPayload(answer), 200);
  });
}
