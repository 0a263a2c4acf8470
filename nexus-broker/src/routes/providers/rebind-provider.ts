import { createRoute } from '@hono/zod-openapi';
import { ProviderRebind, ProviderRebound } from '@nexus/broker-api/providers';
import { type RebindProviderDeps, rebindProvider } from '../../services/providers/rebind-provider.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, jsonBody, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'rebindProvider',
  method: 'post',
  path: '/admin/v1/providers/{id}/rebind',
  tags: ['Providers'],
  summary: 'Let credentials issued by one origin be used at the origin the profile names now',
  request: { params: idParameter, ...jsonBody(ProviderRebind) },
  responses: {
    200: jsonAnswer(ProviderRebound, 'How many connections were bound anew.'),
    ...errorAnswers('provider_not_found'),
  },
  ...keyRoute(['admin'], ['provider.rebound']),
});

export function registerRebindProvider(app: BrokerApp, deps: RebindProviderDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const input = { providerId: c.req.valid('param').id, fromOrigin: body.from_origin, toOrigin: body.to_origin };
    const rebound = await rebindProvider(deps, input, c.get('context'));
    return c.json({ id: rebound.providerId, connections: rebound.connections, reactivated: rebound.reactivated }, 200);
  });
}
