import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/sessions';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { demandClient, readClientRequest } from '../../oauth-client.js';
import { oauthErrorResponses, tokenForm } from '../../schemas/v1/oauth.js';
import { keepOurs, requireParameter } from '../../translate/oauth-form.js';

const route = createRoute({
  method: 'post',
  path: '/v1/oauth/revoke',
  operationId: 'revokeToken',
  tags: ['OAuth'],
  summary: 'Close the session of a session token',
  description: 'RFC 7009. The answer is the same whether or not it was a token of this agent.',
  security: [{ AgentClient: [] }],
  middleware: demandClient,
  request: { body: tokenForm },
  responses: { 200: { description: 'The token opens nothing (any more).' }, ...oauthErrorResponses },
});

export function registerRevokeToken(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const { agentId, caller, form } = await readClientRequest(c);
    const token = requireParameter(form, 'token');
    await deps.broker.call<Broker.SessionRevoked>(caller, {
      method: 'POST',
      path: '/internal/v1/sessions/revoke',
      body: { agent_id: agentId, token: keepOurs(token) },
    });
    return c.body(null, 200);
  });
}
