import { createRoute } from '@hono/zod-openapi';
import { AuthorizationResponse, FlowRedirect } from '@nexus/broker-api/flows';
import { type CompleteAuthorizationDeps, completeAuthorization } from '../../services/flows/complete-authorization.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';

const route = createRoute({
  operationId: 'completeAuthorization',
  method: 'post',
  path: '/internal/v1/flows/callback',
  tags: ['Flows'],
  summary: "Take a provider's answer, exchange its code and store the credential",
  request: jsonBody(AuthorizationResponse),
  responses: { 200: jsonAnswer(FlowRedirect, 'Where to send the person.'), ...errorAnswers('flow_expired') },
  ...gatewayRoute('anyone', [
    'connection.activated',
    'connection.reconnected',
    'connection.failed',
    'connection.binding_failed',
  ]),
});

export function registerCompleteAuthorization(app: BrokerApp, deps: CompleteAuthorizationDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const input = { providerName: body.provider_name, parameters: body.parameters, cookies: body.cookies };
    return c.json({ redirect_to: await completeAuthorization(deps, input, c.get('context')) }, 200);
  });
}
