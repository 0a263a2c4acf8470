import { createRoute, z } from '@hono/zod-openapi';
import { type GetMetricsDeps, getMetrics } from '../../services/system/get-metrics.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'getMetrics',
  method: 'get',
  path: '/metrics',
  tags: ['System'],
  summary: 'Figures for monitoring, in the text format of Prometheus',
  responses: {
    200: { description: 'No secrets, no ids.', content: { 'text/plain': { schema: z.string() } } },
    ...errorAnswers('not_found'),
  },
  ...keyRoute(['operator', 'auditor', 'admin'], { none: 'it shows no secret' }),
});

export function registerGetMetrics(app: BrokerApp, deps: GetMetricsDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { text, mediaType } = await getMetrics(deps);
    return c.text(text, 200, { 'Content-Type': mediaType });
  });
}
