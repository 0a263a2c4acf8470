import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/sessions';
import { demandKey, requireCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { OboSessionOpened, OboSessionRequest } from '../../schemas/v1/agent-session.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { toOboSessionOpened } from '../../translate/agent-session.js';

const route = createRoute({
  method: 'post',
  path: '/v1/agent-sessions/obo',
  operationId: 'createOboSession',
  tags: ['Agent sessions'],
  summary: 'Request an OBO session tied to a user context token',
  description:
    'Every scope must be allowed to the agent, carried by the token of the user, and granted to the connection. The session does not outlive that token.',
  security: [{ ApiKey: [] }],
  middleware: demandKey,
  request: { body: { required: true, content: { 'application/json': { schema: OboSessionRequest } } } },
  responses: {
    201: { description: 'The session is open.', content: { 'application/json': { schema: OboSessionOpened } } },
    ...errorResponses(400, 401, 403, 404, 409, 410, 413, 415, 429, 503),
  },
});

export function registerCreateOboSession(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const body: Broker.OboSessionRequest = c.req.valid('json');
    const answer = await deps.broker.call<Broker.SessionOpened>(requireCaller(c), {
      method: 'POST',
      path: '/internal/v1/sessions/obo',
      body,
    });
    return c.json(toOboSessionOpened(answer), 201);
  });
}
