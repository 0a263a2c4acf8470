import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/providers';
import { demandKey, requireCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { locateProvider } from '../../provider-path.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { Provider, ProviderIdParam, ProviderPatch } from '../../schemas/v1/provider.js';
import { toProvider } from '../../translate/provider.js';

const route = createRoute({
  method: 'patch',
  path: '/v1/providers/{id}',
  operationId: 'updateProvider',
  tags: ['Providers'],
  summary: 'Update specific fields of a provider',
  security: [{ ApiKey: [] }],
  middleware: demandKey,
  request: {
    params: ProviderIdParam,
    body: { required: true, content: { 'application/json': { schema: ProviderPatch } } },
  },
  responses: {
    200: { description: 'The changed profile.', content: { 'application/json': { schema: Provider } } },
    ...errorResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
  },
});

export function registerUpdateProvider(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const answer = await deps.broker.call<Broker.ProviderProfile>(requireCaller(c), {
      method: 'PATCH',
      path: locateProvider(c.req.valid('param').id),
      body: c.req.valid('json'),
    });
    return c.json(toProvider(answer), 200);
  });
}
