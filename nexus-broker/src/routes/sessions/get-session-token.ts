import { createRoute } from '@hono/zod-openapi';
import { SessionCredential, SessionTokenRequest } from '@nexus/broker-api/sessions';
import { type GetSessionTokenDeps, getSessionToken } from '../../services/sessions/get-session-token.js';
import type { AccessDeps } from '../access.js';
import { toCredentialPayload } from '../credential-payload.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';

const route = createRoute({
  operationId: 'getSessionToken',
  method: 'post',
  path: '/internal/v1/sessions/token',
  tags: ['Sessions'],
  summary: 'Hand out the credential of a connection through a session',
  request: jsonBody(SessionTokenRequest),
  responses: {
    200: jsonAnswer(SessionCredential, 'The credential; its audit record is durable.'),
    ...errorAnswers(
      'invalid_session_token',
      'agent_inactive',
      'provider_not_allowed',
      'scope_not_allowed',
      'scope_not_granted',
      'cannot_narrow_token',
      'connection_not_active',
      'attention_required',
      'connection_revoked',
      'provider_unavailable',
      'audit_unavailable',
    ),
  },
  ...gatewayRoute('everybody', ['token.retrieved', 'token.narrowed', 'token.retrieval_failed', 'auth.failed']),
});

export function registerGetSessionToken(app: BrokerApp, deps: GetSessionTokenDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { session_id, session_token } = c.req.valid('json');
    const input = { sessionId: session_id, sessionToken: session_token };
    const { payload, narrowed } = await getSessionToken(deps, input, c.get('context'));
    return c.json({ ...toCredentialPayload(payload), narrowed }, 200);
  });
}
