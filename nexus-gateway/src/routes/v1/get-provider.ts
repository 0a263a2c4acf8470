import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/providers';
import { demandKey, requireCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { locateProvider } from '../../provider-path.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { Provider, ProviderIdParam } from '../../schemas/v1/provider.js';
import { toProvider } from '../../translate/provider.js';

const route = createRoute({
  method: 'get',
  path: '/v1/providers/{id}',
  operationId: 'getProvider',
  tags: ['Providers'],
  summary: 'Get provider by ID',
  security: [{ ApiKey: [] }],
  middleware: demandKey,
  request: { params: ProviderIdParam },
  responses: {
    200: { description: 'The profile.', content: { 'application/json': { schema: Provider } } },
    ...errorResponses(401, 403, 404, 429, 503),
  },
});

export function registerGetProvider(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const answer = await deps.broker.call<Broker.ProviderProfile>(requireCaller(c), {
      method: 'GET',
      path: locateProvider(c.req.valid('param').id),
    });
    return c.json(toProvider(answer), 200);
  });
}
