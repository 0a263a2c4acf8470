import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/flows';
import { identifyConnectionCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { Capture, Captured } from '../../schemas/v1/connection.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { toCaptured } from '../../translate/capture.js';

const route = createRoute({
  method: 'post',
  path: '/v1/capture-credential',
  operationId: 'captureCredential',
  tags: ['Connections'],
  summary: 'Submit credentials for a static provider',
  description: 'Success spends the ticket; ten refusals end the flow.',
  security: [{}, { ApiKey: [] }],
  request: { body: { required: true, content: { 'application/json': { schema: Capture } } } },
  responses: {
    200: { description: 'The credential is stored.', content: { 'application/json': { schema: Captured } } },
    ...errorResponses(400, 401, 403, 404, 409, 410, 413, 415, 429, 502, 503),
  },
});

export function registerCaptureCredential(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const answer = await deps.broker.call<Broker.Captured>(identifyConnectionCaller(c, deps), {
      method: 'POST',
      path: '/internal/v1/flows/capture',
      body: c.req.valid('json'),
    });
    return c.json(toCaptured(answer), 200);
  });
}
