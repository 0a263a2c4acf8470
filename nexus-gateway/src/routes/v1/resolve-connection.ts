import { createRoute, z } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/connections';
import { demandKey, requireCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { CredentialPayload } from '../../schemas/v1/credential.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { minValidity } from '../../schemas/v1/query.js';
import { toCredentialPayload } from '../../translate/credential.js';

const query = z.object({
  workspace_id: z.string().min(1).max(255),
  provider_name: z.string().min(1).max(63),
  connection_ref: z.string().min(1).max(64).optional().openapi({ description: 'Chooses among several candidates.' }),
  min_validity: minValidity,
});

const route = createRoute({
  method: 'get',
  path: '/v1/resolve',
  operationId: 'resolveConnection',
  tags: ['Connections'],
  summary: 'Retrieve the credential of a workspace at a provider',
  description: 'Sees only connections that a key started, and for an application key only its own.',
  security: [{ ApiKey: [] }],
  middleware: demandKey,
  request: { query },
  responses: {
    200: { description: 'The credential.', content: { 'application/json': { schema: CredentialPayload } } },
    ...errorResponses(400, 401, 403, 404, 409, 410, 429, 502, 503),
  },
});

export function registerResolveConnection(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const { min_validity, ...selector } = c.req.valid('query');
    const answer = await deps.broker.call<Broker.CredentialPayload>(requireCaller(c), {
      method: 'POST',
      path: '/internal/v1/connections/resolve',
      body: min_validity === undefined ? selector : { ...selector, min_validity_seconds: min_validity },
    });
    return c.json(toCredentialPayload(answer), 200);
  });
}
