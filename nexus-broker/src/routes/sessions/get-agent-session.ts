import { createRoute } from '@hono/zod-openapi';
import { SessionById, SessionState } from '@nexus/broker-api/sessions';
import { getAgentSession } from '../../services/sessions/get-agent-session.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';
import { sessionRoles } from './session-policy.js';
import { toWireState } from './wire-session.js';

const route = createRoute({
  operationId: 'getAgentSession',
  method: 'post',
  path: '/internal/v1/sessions/view',
  tags: ['Sessions'],
  summary: 'Tell what a session is, without its token',
  request: jsonBody(SessionById),
  responses: { 200: jsonAnswer(SessionState, 'The session.'), ...errorAnswers('session_not_found') },
  ...gatewayRoute(sessionRoles, { none: 'it discloses no credential' }),
});

export function registerGetAgentSession(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const input = { sessionId: c.req.valid('json').session_id };
    const { session, active } = await getAgentSession(deps, input, c.get('context'));
    return c.json(toWireState(session, active), 200);
  });
}
