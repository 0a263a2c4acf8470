import { createRoute } from '@hono/zod-openapi';
import type { CallerContext } from '@nexus/broker-api/client';
import type * as Broker from '@nexus/broker-api/sessions';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { demandClient, readClientRequest } from '../../oauth-client.js';
import { ExchangedToken, oauthErrorResponses, tokenExchangeForm } from '../../schemas/v1/oauth.js';
import { type Exchange, toExchange, toExchangedToken, toExchangeError } from '../../translate/token-exchange.js';

const route = createRoute({
  method: 'post',
  path: '/v1/oauth/token',
  operationId: 'exchangeToken',
  tags: ['OAuth'],
  summary: 'Exchange a token of a user, or a connection id, for a session token',
  description:
    'RFC 8693: a session of the authenticated agent, opened by the same rules as at `/v1/agent-sessions` and `/v1/agent-sessions/obo`.',
  security: [{ AgentClient: [] }],
  middleware: demandClient,
  request: { body: tokenExchangeForm },
  responses: {
    200: { description: 'The session is open.', content: { 'application/json': { schema: ExchangedToken } } },
    ...oauthErrorResponses,
  },
});

export function registerExchangeToken(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const { agentId, caller, form } = await readClientRequest(c);
    const answer = await openSession(deps, caller, toExchange(form, agentId));
    // RFC 6749, section 5.1 asks for both this and Cache-Control.
    c.header('Pragma', 'no-cache');
    return c.json(toExchangedToken(answer, deps.clock.now()), 200);
  });
}

async function openSession(deps: Deps, caller: CallerContext, exchange: Exchange): Promise<Broker.SessionOpened> {
  const path = exchange.subject === 'user' ? '/internal/v1/sessions/obo' : '/internal/v1/sessions/create';
  try {
    return await deps.broker.call<Broker.SessionOpened>(caller, { method: 'POST', path, body: exchange.body });
  } catch (error) {
    throw toExchangeError(error, exchange.subject);
  }
}
