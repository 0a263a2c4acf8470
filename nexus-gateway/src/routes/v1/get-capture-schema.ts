import { createRoute, z } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/flows';
import { NexusError } from '@nexus/core/errors';
import { identifyConnectionCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { CaptureSchema } from '../../schemas/v1/connection.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { toCaptureSchema } from '../../translate/capture.js';

const query = z.object({
  state: z.string().max(128).optional().openapi({ description: 'The flow ticket.' }),
  provider_name: z.string().max(63).optional(),
  provider_id: z.string().max(64).optional(),
});

const route = createRoute({
  method: 'get',
  path: '/v1/capture-schema',
  operationId: 'getCaptureSchema',
  tags: ['Connections'],
  summary: 'Fetch the credential schema for a static provider',
  security: [{}, { ApiKey: [] }],
  request: { query },
  responses: {
    200: { description: 'The schema.', content: { 'application/json': { schema: CaptureSchema } } },
    ...errorResponses(400, 401, 403, 404, 409, 410, 429, 503),
  },
});

export function registerGetCaptureSchema(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const caller = identifyConnectionCaller(c, deps);
    const body = omitEmpty(c.req.valid('query'));
    if (Object.keys(body).length === 0) {
      throw new NexusError('missing_params', 'One of state, provider_name or provider_id is required.');
    }
    const answer = await deps.broker.call<Broker.CaptureSchema>(caller, {
      method: 'POST',
      path: '/internal/v1/flows/capture-schema',
      body,
    });
    return c.json(toCaptureSchema(answer), 200);
  });
}

/** `?state=` says as little as no parameter at all. */
function omitEmpty(parameters: Readonly<Record<string, string | undefined>>): Broker.CaptureSchemaQuery {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined && value !== ''));
}
