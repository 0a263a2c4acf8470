import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/connections';
import { identifyConnectionCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { ConnectionRequest, ConnectionRequested } from '../../schemas/v1/connection.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { toBrokerRequest, toConnectionRequested } from '../../translate/connection.js';

const route = createRoute({
  method: 'post',
  path: '/v1/request-connection',
  operationId: 'requestConnection',
  tags: ['Connections'],
  summary: 'Initiate an OAuth handshake or static credential capture',
  description: 'Send the person to `auth_url`, a page of ours that asks before it goes on to the provider.',
  security: [{}, { ApiKey: [] }],
  request: { body: { required: true, content: { 'application/json': { schema: ConnectionRequest } } } },
  responses: {
    200: { description: 'The flow is open.', content: { 'application/json': { schema: ConnectionRequested } } },
    ...errorResponses(400, 401, 403, 404, 409, 413, 415, 429, 503),
  },
});

export function registerRequestConnection(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const answer = await deps.broker.call<Broker.ConnectionRequested>(identifyConnectionCaller(c, deps), {
      method: 'POST',
      path: '/internal/v1/connections/request',
      body: toBrokerRequest(c.req.valid('json')),
    });
    return c.json(toConnectionRequested(answer), 200);
  });
}
