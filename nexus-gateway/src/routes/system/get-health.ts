import { createRoute } from '@hono/zod-openapi';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { isReady } from '../../readiness.js';
import { Health } from '../../schemas/v1/health.js';

const content = { 'application/json': { schema: Health } };

const route = createRoute({
  method: 'get',
  path: '/v1/health',
  operationId: 'getHealth',
  tags: ['System'],
  summary: 'Health check; returns 200 OK when ready',
  security: [],
  responses: {
    200: { description: 'Ready.', content },
    503: { description: 'The Broker is not ready.', content },
  },
});

/** `/health` is the same answer under the name that probes of both services use. */
const alias = createRoute({ ...route, path: '/health', hide: true });

export function registerGetHealth(app: GatewayApp, deps: Deps): void {
  for (const entry of [route, alias]) {
    app.openapi(entry, async (c) => {
      const { version } = deps;
      if (await isReady(deps)) return c.json({ status: 'ok' as const, version, broker: 'ok' as const }, 200);
      c.header('Retry-After', '5');
      return c.json({ status: 'unavailable' as const, version, broker: 'unavailable' as const }, 503);
    });
  }
}
