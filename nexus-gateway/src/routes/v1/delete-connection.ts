import { createRoute, z } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/connections';
import { demandKey, requireCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { clipId } from '../../opaque-id.js';
import { ConnectionDeleted, ConnectionIdParam } from '../../schemas/v1/connection.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { toConnectionDeleted } from '../../translate/connection.js';

const reason = z
  .string()
  .min(1)
  .max(255)
  .optional()
  .openapi({ description: 'Kept in the audit log; in the body or in the query.' });

const route = createRoute({
  method: 'delete',
  path: '/v1/connections/{id}',
  operationId: 'deleteConnection',
  tags: ['Connections'],
  summary: 'Delete a connection and revoke its credential',
  description:
    'By connection id, or by `connection_ref` with an operator or admin key. Erases locally whatever the provider answers; idempotent.',
  security: [{ ApiKey: [] }],
  middleware: demandKey,
  request: {
    params: ConnectionIdParam,
    query: z.object({ reason }),
    body: { required: false, content: { 'application/json': { schema: z.strictObject({ reason }) } } },
  },
  responses: {
    200: { description: 'The connection is revoked.', content: { 'application/json': { schema: ConnectionDeleted } } },
    ...errorResponses(400, 401, 403, 404, 429, 503),
  },
});

export function registerDeleteConnection(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const answer = await deps.broker.call<Broker.ConnectionDeleted>(requireCaller(c), {
      method: 'POST',
      path: '/internal/v1/connections/delete',
      body: { connection: clipId(c.req.valid('param').id), ...c.req.valid('query'), ...c.req.valid('json') },
    });
    return c.json(toConnectionDeleted(answer), 200);
  });
}
