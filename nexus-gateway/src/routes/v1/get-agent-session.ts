import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/sessions';
import { demandKey, requireCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { clipSessionId } from '../../opaque-id.js';
import { AgentSessionState, SessionIdParam } from '../../schemas/v1/agent-session.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { toAgentSessionState } from '../../translate/agent-session.js';

const route = createRoute({
  method: 'get',
  path: '/v1/agent-sessions/{id}',
  operationId: 'getAgentSession',
  tags: ['Agent sessions'],
  summary: 'Check session status and metadata',
  security: [{ ApiKey: [] }],
  middleware: demandKey,
  request: { params: SessionIdParam },
  responses: {
    200: { description: 'The session.', content: { 'application/json': { schema: AgentSessionState } } },
    ...errorResponses(401, 403, 404, 429, 503),
  },
});

export function registerGetAgentSession(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const answer = await deps.broker.call<Broker.SessionState>(requireCaller(c), {
      method: 'POST',
      path: '/internal/v1/sessions/view',
      body: { session_id: clipSessionId(c.req.valid('param').id) },
    });
    return c.json(toAgentSessionState(answer), 200);
  });
}
