import { createRoute, z } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/providers';
import { NexusError } from '@nexus/core/errors';
import { demandKey, requireCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { linkNextPage } from '../../next-page.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { ProviderList } from '../../schemas/v1/provider.js';
import { linkHeader, pageCursor, pageLimit } from '../../schemas/v1/query.js';
import { toProvider } from '../../translate/provider.js';

const route = createRoute({
  method: 'get',
  path: '/v1/providers',
  operationId: 'listProviders',
  tags: ['Providers'],
  summary: 'List all registered providers',
  security: [{ ApiKey: [] }],
  middleware: demandKey,
  request: { query: z.object({ limit: pageLimit, after: pageCursor }) },
  responses: {
    200: {
      description: 'The profiles, without secrets.',
      headers: linkHeader,
      content: { 'application/json': { schema: ProviderList } },
    },
    ...errorResponses(400, 401, 403, 429, 503),
  },
});

export function registerListProviders(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const caller = requireCaller(c);
    const { limit, after } = c.req.valid('query');
    const all = await deps.broker.call<Broker.ProviderList>(caller, { method: 'GET', path: '/admin/v1/providers' });
    const start = after === undefined ? 0 : findStart(all, after);
    const page = limit === undefined ? all.slice(start) : all.slice(start, start + limit);
    const last = page.at(-1);
    if (last !== undefined && start + page.length < all.length) {
      c.header('Link', linkNextPage(deps.config.publicUrl, c.req.url, last.id));
    }
    return c.json(page.map(toProvider), 200);
  });
}

function findStart(providers: Broker.ProviderList, after: string): number {
  const index = providers.findIndex((provider) => provider.id === after);
  if (index === -1) throw new NexusError('invalid_cursor', 'The parameter `after` names no entry of this list.');
  return index + 1;
}
