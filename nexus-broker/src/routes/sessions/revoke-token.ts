import { createRoute } from '@hono/zod-openapi';
import { SessionByToken, SessionRevoked } from '@nexus/broker-api/sessions';
import type { CloseSessionDeps } from '../../services/sessions/close-agent-session.js';
import { revokeToken } from '../../services/sessions/revoke-token.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';

const route = createRoute({
  operationId: 'revokeToken',
  method: 'post',
  path: '/internal/v1/sessions/revoke',
  tags: ['Sessions'],
  summary: 'Close the session of a token for the agent it was issued to',
  request: jsonBody(SessionByToken),
  responses: { 200: jsonAnswer(SessionRevoked, 'No such session is open.'), ...errorAnswers() },
  ...gatewayRoute(['agent'], ['session.closed', 'auth.forbidden']),
});

export function registerRevokeToken(app: BrokerApp, deps: CloseSessionDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { agent_id, token } = c.req.valid('json');
    await revokeToken(deps, { agentId: agent_id, token }, c.get('context'));
    return c.json({ revoked: true as const }, 200);
  });
}
