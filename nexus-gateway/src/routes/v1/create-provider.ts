import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/providers';
import { demandKey, requireCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { Provider, ProviderInput } from '../../schemas/v1/provider.js';
import { toProvider } from '../../translate/provider.js';

const route = createRoute({
  method: 'post',
  path: '/v1/providers',
  operationId: 'createProvider',
  tags: ['Providers'],
  summary: 'Register a new provider',
  security: [{ ApiKey: [] }],
  middleware: demandKey,
  request: { body: { required: true, content: { 'application/json': { schema: ProviderInput } } } },
  responses: {
    201: { description: 'The profile.', content: { 'application/json': { schema: Provider } } },
    ...errorResponses(400, 401, 403, 409, 413, 415, 422, 429, 503),
  },
});

export function registerCreateProvider(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const answer = await deps.broker.call<Broker.ProviderProfile>(requireCaller(c), {
      method: 'POST',
      path: '/admin/v1/providers',
      body: c.req.valid('json'),
    });
    return c.json(toProvider(answer), 201);
  });
}
