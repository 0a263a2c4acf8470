import { createRoute } from '@hono/zod-openapi';
import type { GatewayApp } from '../../gateway-app.js';
import { Probe } from '../../schemas/v1/health.js';

const route = createRoute({
  method: 'get',
  path: '/healthz',
  operationId: 'getLiveness',
  tags: ['System'],
  summary: 'Whether the process lives',
  security: [],
  responses: { 200: { description: 'It lives.', content: { 'application/json': { schema: Probe } } } },
});

export function registerGetLiveness(app: GatewayApp): void {
  app.openapi(route, (c) => c.json({ status: 'ok' as const }, 200));
}
