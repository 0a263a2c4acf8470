import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/sessions';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { demandClient, readClientRequest } from '../../oauth-client.js';
import { Introspection, oauthErrorResponses, tokenForm } from '../../schemas/v1/oauth.js';
import { toIntrospection } from '../../translate/introspection.js';
import { keepOurs, requireParameter } from '../../translate/oauth-form.js';

const route = createRoute({
  method: 'post',
  path: '/v1/oauth/introspect',
  operationId: 'introspectToken',
  tags: ['OAuth'],
  summary: 'Ask whether a session token may be used now',
  description: 'RFC 7662. An agent is told about its own sessions only; every other token is inactive.',
  security: [{ AgentClient: [] }],
  middleware: demandClient,
  request: { body: tokenForm },
  responses: {
    200: { description: 'The state of the token.', content: { 'application/json': { schema: Introspection } } },
    ...oauthErrorResponses,
  },
});

export function registerIntrospectToken(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const { agentId, caller, form } = await readClientRequest(c);
    const token = requireParameter(form, 'token');
    const answer = await deps.broker.call<Broker.SessionIntrospection>(caller, {
      method: 'POST',
      path: '/internal/v1/sessions/introspect',
      body: { agent_id: agentId, token: keepOurs(token) },
    });
    return c.json(toIntrospection(answer, deps.config.publicUrl), 200);
  });
}
