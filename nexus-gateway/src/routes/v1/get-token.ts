import { createRoute, z } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/connections';
import { identifyConnectionCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { clipId } from '../../opaque-id.js';
import { ConnectionIdParam } from '../../schemas/v1/connection.js';
import { CredentialPayload } from '../../schemas/v1/credential.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { minValidity } from '../../schemas/v1/query.js';
import { toCredentialPayload } from '../../translate/credential.js';

const route = createRoute({
  method: 'get',
  path: '/v1/token/{id}',
  operationId: 'getToken',
  tags: ['Connections'],
  summary: 'Retrieve credentials for an active connection',
  description: 'A token is never returned at or past its expiry: if it must be refreshed first, it is.',
  security: [{}, { ApiKey: [] }],
  request: { params: ConnectionIdParam, query: z.object({ min_validity: minValidity }) },
  responses: {
    200: { description: 'The credential.', content: { 'application/json': { schema: CredentialPayload } } },
    ...errorResponses(400, 401, 403, 404, 409, 410, 429, 502, 503),
  },
});

export function registerGetToken(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const { min_validity } = c.req.valid('query');
    const connection_id = clipId(c.req.valid('param').id);
    const answer = await deps.broker.call<Broker.CredentialPayload>(identifyConnectionCaller(c, deps), {
      method: 'POST',
      path: '/internal/v1/connections/token',
      body: min_validity === undefined ? { connection_id } : { connection_id, min_validity_seconds: min_validity },
    });
    return c.json(toCredentialPayload(answer), 200);
  });
}
