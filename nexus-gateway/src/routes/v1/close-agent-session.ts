import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/sessions';
import { demandKey, requireCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { clipSessionId } from '../../opaque-id.js';
import { AgentSessionClosed, SessionIdParam } from '../../schemas/v1/agent-session.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { toAgentSessionClosed } from '../../translate/agent-session.js';

const route = createRoute({
  method: 'delete',
  path: '/v1/agent-sessions/{id}',
  operationId: 'closeAgentSession',
  tags: ['Agent sessions'],
  summary: 'Close a session and revoke the token',
  description: 'Takes effect at once on every replica; idempotent.',
  security: [{ ApiKey: [] }],
  middleware: demandKey,
  request: { params: SessionIdParam },
  responses: {
    200: { description: 'The session is closed.', content: { 'application/json': { schema: AgentSessionClosed } } },
    ...errorResponses(401, 403, 404, 429, 503),
  },
});

export function registerCloseAgentSession(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const answer = await deps.broker.call<Broker.SessionClosed>(requireCaller(c), {
      method: 'POST',
      path: '/internal/v1/sessions/close',
      body: { session_id: clipSessionId(c.req.valid('param').id) },
    });
    return c.json(toAgentSessionClosed(answer), 200);
  });
}
