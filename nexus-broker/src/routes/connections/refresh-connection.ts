import { createRoute } from '@hono/zod-openapi';
import { ConnectionById, CredentialPayload } from '@nexus/broker-api/connections';
import type { GetTokenDeps } from '../../services/connections/get-token.js';
import { refreshConnection } from '../../services/connections/refresh-connection.js';
import type { AccessDeps } from '../access.js';
import { toCredentialPayload } from '../credential-payload.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';

const route = createRoute({
  operationId: 'refreshConnection',
  method: 'post',
  path: '/internal/v1/connections/refresh',
  tags: ['Connections'],
  summary: 'Renew the credential now',
  request: jsonBody(ConnectionById),
  responses: {
    200: jsonAnswer(CredentialPayload, 'The credential, and whether it is a new one.'),
    ...errorAnswers(
      'static_token',
      'no_refresh_token',
      'connection_not_found',
      'connection_not_active',
      'attention_required',
      'connection_revoked',
      'provider_unavailable',
      'audit_unavailable',
    ),
  },
  ...gatewayRoute('anyone', ['token.retrieved', 'token.retrieval_failed', 'token.refreshed', 'token.refresh_failed']),
});

export function registerRefreshConnection(app: BrokerApp, deps: GetTokenDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const input = { connectionId: c.req.valid('json').connection_id };
    const { payload, refreshed } = await refreshConnection(deps, input, c.get('context'));
    return c.json({ ...toCredentialPayload(payload), refreshed }, 200);
  });
}
