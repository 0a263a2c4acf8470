import { createRoute } from '@hono/zod-openapi';
import { OboSessionRequest, SessionOpened } from '@nexus/broker-api/sessions';
import { type CreateOboSessionDeps, createOboSession } from '../../services/sessions/create-obo-session.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';
import { toSessionInput } from './session-input.js';
import { openingRefusals, sessionRoles } from './session-policy.js';
import { toWireOpened } from './wire-session.js';

const route = createRoute({
  operationId: 'createOboSession',
  method: 'post',
  path: '/internal/v1/sessions/obo',
  tags: ['Sessions'],
  summary: 'Open a session in which an agent acts for a user',
  request: jsonBody(OboSessionRequest),
  responses: {
    201: jsonAnswer(SessionOpened, 'The session and its token.'),
    ...errorAnswers(
      ...openingRefusals,
      'invalid_user_context_token',
      'user_not_authorized_for_scope',
      'user_verification_unavailable',
    ),
  },
  ...gatewayRoute(sessionRoles, ['session.created', 'session.refused']),
});

export function registerCreateOboSession(app: BrokerApp, deps: CreateOboSessionDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { user_context_token, ...request } = c.req.valid('json');
    const input = { ...toSessionInput(request), userContextToken: user_context_token };
    return c.json(toWireOpened(await createOboSession(deps, input, c.get('context'))), 201);
  });
}
