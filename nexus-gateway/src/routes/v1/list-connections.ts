import { createRoute, z } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/connections';
import { demandKey, requireCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { linkNextPage } from '../../next-page.js';
import { ConnectionList, ConnectionStatus } from '../../schemas/v1/connection.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { linkHeader, pageCursor, pageLimit } from '../../schemas/v1/query.js';
import { toConnectionList } from '../../translate/connection.js';

const query = z.object({
  workspace_id: z.string().min(1).max(255),
  provider_name: z.string().min(1).max(63).optional(),
  status: ConnectionStatus.optional(),
  limit: pageLimit,
  after: pageCursor,
});

const route = createRoute({
  method: 'get',
  path: '/v1/connections',
  operationId: 'listConnections',
  tags: ['Connections'],
  summary: 'List the connections of a workspace',
  description: 'Names connections by `connection_ref`; an application key sees only those it started.',
  security: [{ ApiKey: [] }],
  middleware: demandKey,
  request: { query },
  responses: {
    200: {
      description: 'The connections.',
      headers: linkHeader,
      content: { 'application/json': { schema: ConnectionList } },
    },
    ...errorResponses(400, 401, 403, 404, 429, 503),
  },
});

export function registerListConnections(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const caller = requireCaller(c);
    const answer = await deps.broker.call<Broker.ConnectionList>(caller, {
      method: 'POST',
      path: '/internal/v1/connections/list',
      body: c.req.valid('query'),
    });
    if (answer.next_cursor !== undefined) {
      c.header('Link', linkNextPage(deps.config.publicUrl, c.req.url, answer.next_cursor));
    }
    return c.json(toConnectionList(answer), 200);
  });
}
