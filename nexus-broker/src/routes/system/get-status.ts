import { createRoute } from '@hono/zod-openapi';
import { BrokerStatus } from '@nexus/broker-api/administration';
import { type GetStatusDeps, getStatus } from '../../services/system/get-status.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'getStatus',
  method: 'get',
  path: '/admin/v1/status',
  tags: ['System'],
  summary: 'How the Broker is doing',
  responses: { 200: jsonAnswer(BrokerStatus, 'No secrets.'), ...errorAnswers() },
  ...keyRoute(['operator', 'auditor', 'admin'], { none: 'it shows no secret' }),
});

export function registerGetStatus(app: BrokerApp, deps: GetStatusDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => c.json(await getStatus(deps), 200));
}
