import { createRoute } from '@hono/zod-openapi';
import { Health } from '@nexus/broker-api/administration';
import { type BrokerApp, jsonAnswer, openRoute } from '../operation.js';

const route = createRoute({
  operationId: 'getLiveness',
  method: 'get',
  path: '/healthz',
  tags: ['System'],
  summary: 'The process lives',
  responses: { 200: jsonAnswer(Health, 'It lives.') },
  ...openRoute('probes hold no key and learn nothing'),
});

export function registerGetLiveness(app: BrokerApp, deps: { readonly version: string }): void {
  app.openapi(route, (c) => c.json({ status: 'ok' as const, version: deps.version }, 200));
}
