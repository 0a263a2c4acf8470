import { createRoute } from '@hono/zod-openapi';
import { ReturnOriginList } from '@nexus/broker-api/administration';
import { listReturnOrigins } from '../../services/return-origins/list-return-origins.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { toWireReturnOrigin } from './wire-return-origin.js';

const route = createRoute({
  operationId: 'listReturnOrigins',
  method: 'get',
  path: '/admin/v1/return-origins',
  tags: ['Return origins'],
  summary: 'List return origins',
  responses: { 200: jsonAnswer(ReturnOriginList, 'All return origins.'), ...errorAnswers() },
  ...keyRoute(['admin'], { none: 'the list holds no secret' }),
});

export function registerListReturnOrigins(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const origins = await listReturnOrigins(deps);
    return c.json({ return_origins: origins.map(toWireReturnOrigin) }, 200);
  });
}
