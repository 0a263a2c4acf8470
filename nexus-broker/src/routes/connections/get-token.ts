import { createRoute } from '@hono/zod-openapi';
import { CredentialPayload, TokenRequest } from '@nexus/broker-api/connections';
import { type GetTokenDeps, getToken } from '../../services/connections/get-token.js';
import type { AccessDeps } from '../access.js';
import { toCredentialPayload } from '../credential-payload.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';

const route = createRoute({
  operationId: 'getToken',
  method: 'post',
  path: '/internal/v1/connections/token',
  tags: ['Connections'],
  summary: 'Hand out the credential of an active connection',
  request: jsonBody(TokenRequest),
  responses: {
    200: jsonAnswer(CredentialPayload, 'The credential; its audit record is durable.'),
    ...errorAnswers(
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

export function registerGetToken(app: BrokerApp, deps: GetTokenDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const input = { connectionId: body.connection_id, minValiditySeconds: body.min_validity_seconds ?? 0 };
    return c.json(toCredentialPayload(await getToken(deps, input, c.get('context'))), 200);
  });
}
