import { createRoute } from '@hono/zod-openapi';
import { SessionById, SessionClosed } from '@nexus/broker-api/sessions';
import { type CloseSessionDeps, closeAgentSession } from '../../services/sessions/close-agent-session.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';
import { sessionRoles } from './session-policy.js';

const route = createRoute({
  operationId: 'closeAgentSession',
  method: 'post',
  path: '/internal/v1/sessions/close',
  tags: ['Sessions'],
  summary: 'Close a session at once, on every replica',
  request: jsonBody(SessionById),
  responses: { 200: jsonAnswer(SessionClosed, 'It is closed.'), ...errorAnswers('session_not_found') },
  ...gatewayRoute(sessionRoles, ['session.closed']),
});

export function registerCloseAgentSession(app: BrokerApp, deps: CloseSessionDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { session_id } = c.req.valid('json');
    await closeAgentSession(deps, { sessionId: session_id }, c.get('context'));
    return c.json({ session_id, status: 'closed' as const, active: false as const }, 200);
  });
}
