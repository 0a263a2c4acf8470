import { createRoute } from '@hono/zod-openapi';
import { FlowContinuation, FlowContinued } from '@nexus/broker-api/flows';
import { type ContinueFlowDeps, continueFlow } from '../../services/flows/continue-flow.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';

const route = createRoute({
  operationId: 'continueFlow',
  method: 'post',
  path: '/internal/v1/flows/continue',
  tags: ['Flows'],
  summary: 'Bind a flow to the browser that continues and make its authorization request',
  request: jsonBody(FlowContinuation),
  responses: {
    200: jsonAnswer(FlowContinued, 'Where to send the browser, and the cookie that binds it.'),
    ...errorAnswers('flow_expired', 'flow_already_used', 'provider_unavailable'),
  },
  ...gatewayRoute('anyone', ['connection.opened', 'connection.binding_failed']),
});

export function registerContinueFlow(app: BrokerApp, deps: ContinueFlowDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { redirectTo, cookie } = await continueFlow(deps, c.req.valid('json'), c.get('context'));
    return c.json(
      {
        redirect_to: redirectTo,
        cookie: { suffix: cookie.suffix, value: cookie.value, max_age_seconds: cookie.maxAgeSeconds },
      },
      200,
    );
  });
}
