import { createRoute } from '@hono/zod-openapi';
import { KeyList } from '@nexus/broker-api/administration';
import { listKeys } from '../../services/keys/list-keys.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { toWireKey } from './wire-key.js';

const route = createRoute({
  operationId: 'listKeys',
  method: 'get',
  path: '/admin/v1/keys',
  tags: ['Keys'],
  summary: 'List keys, without their values',
  responses: { 200: jsonAnswer(KeyList, 'All keys, revoked ones included.'), ...errorAnswers() },
  ...keyRoute(['admin'], { none: 'no value of a key can be read' }),
});

export function registerListKeys(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    return c.json({ keys: (await listKeys(deps)).map(toWireKey) }, 200);
  });
}
