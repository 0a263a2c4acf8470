import { createRoute } from '@hono/zod-openapi';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { isReady } from '../../readiness.js';
import { Probe } from '../../schemas/v1/health.js';

const content = { 'application/json': { schema: Probe } };

const route = createRoute({
  method: 'get',
  path: '/readyz',
  operationId: 'getReadiness',
  tags: ['System'],
  summary: 'Whether it can serve',
  security: [],
  responses: {
    200: { description: 'It can.', content },
    503: { description: 'The Broker is not ready, or this process is stopping.', content },
  },
});

export function registerGetReadiness(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    if (await isReady(deps)) return c.json({ status: 'ok' as const }, 200);
    c.header('Retry-After', '5');
    return c.json({ status: 'unavailable' as const }, 503);
  });
}
