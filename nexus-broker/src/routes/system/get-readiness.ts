import { createRoute } from '@hono/zod-openapi';
import { Health } from '@nexus/broker-api/administration';
import { type BrokerApp, jsonAnswer, openRoute } from '../operation.js';
import { describeReadiness, type ReadinessDeps } from './readiness.js';

const route = createRoute({
  operationId: 'getReadiness',
  method: 'get',
  path: '/readyz',
  tags: ['System'],
  summary: 'The process can serve: database, keys and audit log',
  responses: { 200: jsonAnswer(Health, 'It can serve.'), 503: jsonAnswer(Health, 'It cannot serve now.') },
  ...openRoute('probes hold no key and learn nothing'),
});

export function registerGetReadiness(app: BrokerApp, deps: ReadinessDeps): void {
  app.openapi(route, async (c) => {
    const health = await describeReadiness(deps);
    if (health.status === 'ok') return c.json(health, 200);
    c.header('Retry-After', '5');
    return c.json(health, 503);
  });
}
