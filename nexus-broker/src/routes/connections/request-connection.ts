import { createRoute } from '@hono/zod-openapi';
import { ConnectionRequest, ConnectionRequested } from '@nexus/broker-api/connections';
import type { JsonValue } from '@nexus/core/canonical-json';
import { type RequestConnectionDeps, requestConnection } from '../../services/connections/request-connection.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';

const route = createRoute({
  operationId: 'requestConnection',
  method: 'post',
  path: '/internal/v1/connections/request',
  tags: ['Connections'],
  summary: 'Open a flow for a new connection, or for an existing one',
  request: jsonBody(ConnectionRequest),
  responses: {
    200: jsonAnswer(ConnectionRequested, 'The link for the person and the ids for the caller.'),
    ...errorAnswers(
      'return_url_not_allowed',
      'completion_required',
      'provider_not_found',
      'connection_not_found',
      'connection_revoked',
    ),
  },
  ...gatewayRoute('anyone', ['connection.requested']),
});

export function registerRequestConnection(app: BrokerApp, deps: RequestConnectionDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const requested = await requestConnection(
      deps,
      {
        workspaceId: body.workspace_id,
        providerName: body.provider_name ?? null,
        providerId: body.provider_id ?? null,
        scopes: body.scopes ?? null,
        returnUrl: body.return_url,
        metadata: (body.metadata ?? {}) as JsonValue,
        accountLabel: body.account_label ?? null,
        loginHint: body.login_hint ?? null,
        expectedSubject: body.expected_subject ?? null,
        inputs: body.inputs ?? {},
        connectionId: body.connection_id ?? null,
        completionChallenge: body.completion_challenge ?? null,
      },
      c.get('context'),
    );
    return c.json(
      {
        connection_id: requested.connectionId,
        connection_ref: requested.connectionRef,
        auth_url: requested.authUrl,
        state: requested.ticket,
        provider_id: requested.provider.providerId,
        provider_name: requested.provider.profile.name,
        scopes: [...requested.scopes],
        expires_at: requested.expiresAt,
      },
      200,
    );
  });
}
