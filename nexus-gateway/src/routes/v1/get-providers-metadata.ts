import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/providers';
import { identifyCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { ProviderMetadata } from '../../schemas/v1/provider.js';
import { toProviderMetadata } from '../../translate/provider.js';

const route = createRoute({
  method: 'get',
  path: '/v1/providers/metadata',
  operationId: 'getProvidersMetadata',
  tags: ['Providers'],
  summary: 'Grouped metadata for frontend rendering',
  security: [{}, { ApiKey: [] }],
  responses: {
    200: { description: 'By `auth_type` and name.', content: { 'application/json': { schema: ProviderMetadata } } },
    ...errorResponses(401, 403, 429, 503),
  },
});

export function registerGetProvidersMetadata(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const answer = await deps.broker.call<Broker.ProviderMetadata>(identifyCaller(c, deps.config.metadataRequiresKey), {
      method: 'POST',
      path: '/internal/v1/providers/metadata',
      body: {},
    });
    return c.json(toProviderMetadata(answer), 200);
  });
}
