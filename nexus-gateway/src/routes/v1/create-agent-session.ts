import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/sessions';
import { demandKey, requireCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { AgentSessionOpened, AgentSessionRequest } from '../../schemas/v1/agent-session.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { toAgentSessionOpened } from '../../translate/agent-session.js';

const route = createRoute({
  method: 'post',
  path: '/v1/agent-sessions',
  operationId: 'createAgentSession',
  tags: ['Agent sessions'],
  summary: 'Request a scoped session for a registered agent',
  description:
    "With an operator's or admin's key for any agent, with an application's for its own connections, with an agent's own key for itself and by `connection_id` only. The session ends with the key that opened it.",
  security: [{ ApiKey: [] }],
  middleware: demandKey,
  request: { body: { required: true, content: { 'application/json': { schema: AgentSessionRequest } } } },
  responses: {
    201: { description: 'The session is open.', content: { 'application/json': { schema: AgentSessionOpened } } },
    ...errorResponses(400, 401, 403, 404, 409, 410, 413, 415, 429, 503),
  },
});

export function registerCreateAgentSession(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const body: Broker.SessionRequest = c.req.valid('json');
    const answer = await deps.broker.call<Broker.SessionOpened>(requireCaller(c), {
      method: 'POST',
      path: '/internal/v1/sessions/create',
      body,
    });
    return c.json(toAgentSessionOpened(answer), 201);
  });
}
