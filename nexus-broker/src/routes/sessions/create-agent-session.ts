import { createRoute } from '@hono/zod-openapi';
import { SessionOpened, SessionRequest } from '@nexus/broker-api/sessions';
import { createAgentSession } from '../../services/sessions/create-agent-session.js';
import type { OpenSessionDeps } from '../../services/sessions/open-session.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';
import { toSessionInput } from './session-input.js';
import { openingRefusals, sessionRoles } from './session-policy.js';
import { toWireOpened } from './wire-session.js';

const route = createRoute({
  operationId: 'createAgentSession',
  method: 'post',
  path: '/internal/v1/sessions/create',
  tags: ['Sessions'],
  summary: 'Open a scoped session of an agent',
  request: jsonBody(SessionRequest),
  responses: { 201: jsonAnswer(SessionOpened, 'The session and its token.'), ...errorAnswers(...openingRefusals) },
  ...gatewayRoute(sessionRoles, ['session.created', 'session.refused']),
});

export function registerCreateAgentSession(app: BrokerApp, deps: OpenSessionDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const opened = await createAgentSession(deps, toSessionInput(c.req.valid('json')), c.get('context'));
    return c.json(toWireOpened(opened), 201);
  });
}
