import { createRoute } from '@hono/zod-openapi';
import { CredentialPayload, ResolveRequest } from '@nexus/broker-api/connections';
import type { GetTokenDeps } from '../../services/connections/get-token.js';
import { resolveConnection } from '../../services/connections/resolve-connection.js';
import type { AccessDeps } from '../access.js';
import { toCredentialPayload } from '../credential-payload.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';

const route = createRoute({
  operationId: 'resolveConnection',
  method: 'post',
  path: '/internal/v1/connections/resolve',
  tags: ['Connections'],
  summary: 'Hand out the credential of the connection of a workspace at a provider',
  request: jsonBody(ResolveRequest),
  responses: {
    200: jsonAnswer(CredentialPayload, 'The credential; its audit record is durable.'),
    ...errorAnswers(
      'provider_not_found',
      'connection_not_found',
      'connection_ambiguous',
      'connection_not_active',
      'attention_required',
      'provider_unavailable',
      'audit_unavailable',
    ),
  },
  ...gatewayRoute(['app', 'operator', 'admin'], ['token.retrieved', 'token.refreshed', 'token.refresh_failed']),
});

export function registerResolveConnection(app: BrokerApp, deps: GetTokenDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const disclosed = await resolveConnection(
      deps,
      {
        workspaceId: body.workspace_id,
        providerName: body.provider_name,
        connectionRef: body.connection_ref ?? null,
        minValiditySeconds: body.min_validity_seconds ?? 0,
      },
      c.get('context'),
    );
    return c.json(toCredentialPayload(disclosed), 200);
  });
}
