import { createRoute } from '@hono/zod-openapi';
import { SessionByToken, SessionIntrospection } from '@nexus/broker-api/sessions';
import type { OwnSessionDeps } from '../../services/sessions/find-own-session.js';
import { introspectToken } from '../../services/sessions/introspect-token.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';
import { toWireIntrospection } from './wire-session.js';

const route = createRoute({
  operationId: 'introspectToken',
  method: 'post',
  path: '/internal/v1/sessions/introspect',
  tags: ['Sessions'],
  summary: 'Tell an agent what a session token of its own is worth',
  request: jsonBody(SessionByToken),
  responses: { 200: jsonAnswer(SessionIntrospection, 'Whether it is active, and then what it is.'), ...errorAnswers() },
  ...gatewayRoute(['agent'], ['auth.forbidden']),
});

export function registerIntrospectToken(app: BrokerApp, deps: OwnSessionDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { agent_id, token } = c.req.valid('json');
    const session = await introspectToken(deps, { agentId: agent_id, token }, c.get('context'));
    return c.json(session === null ? { active: false } : toWireIntrospection(session), 200);
  });
}
