import { createRoute, z } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/providers';
import { demandKey, requireCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { locateProvider } from '../../provider-path.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { ProviderDeleted, ProviderIdParam } from '../../schemas/v1/provider.js';
import { toProviderDeleted } from '../../translate/provider.js';

const force = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .optional()
  .openapi({ description: 'Deletes it although live connections exist.' });

const route = createRoute({
  method: 'delete',
  path: '/v1/providers/{id}',
  operationId: 'deleteProvider',
  tags: ['Providers'],
  summary: 'Delete a provider',
  security: [{ ApiKey: [] }],
  middleware: demandKey,
  request: { params: ProviderIdParam, query: z.object({ force }) },
  responses: {
    200: { description: 'The provider is deleted.', content: { 'application/json': { schema: ProviderDeleted } } },
    ...errorResponses(400, 401, 403, 404, 409, 429, 503),
  },
});

export function registerDeleteProvider(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const isForced = c.req.valid('query').force === 'true';
    const answer = await deps.broker.call<Broker.ProviderDeleted>(requireCaller(c), {
      method: 'DELETE',
      path: locateProvider(c.req.valid('param').id),
      ...(isForced ? { query: { force: 'true' } } : {}),
    });
    return c.json(toProviderDeleted(answer), 200);
  });
}
