import { createRoute } from '@hono/zod-openapi';
import { DataKey } from '@nexus/broker-api/vault';
import { type DestroyDataKeyDeps, destroyDataKey } from '../../services/vault/destroy-data-key.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { dataKeyParameter, toWireDataKey } from './wire-key-ring.js';

const route = createRoute({
  operationId: 'destroyDataKey',
  method: 'post',
  path: '/admin/v1/vault/keys/{id}/destroy',
  tags: ['Vault'],
  summary: 'Delete a retired data key for good',
  request: { params: dataKeyParameter },
  responses: {
    200: jsonAnswer(DataKey, 'It is destroyed.'),
    ...errorAnswers('data_key_not_found', 'key_state_conflict', 'key_in_use', 'replicas_behind'),
  },
  ...keyRoute(['admin'], ['vault.destroyed']),
});

export function registerDestroyDataKey(app: BrokerApp, deps: DestroyDataKeyDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const key = await destroyDataKey(deps, c.req.valid('param'), c.get('context'));
    return c.json(toWireDataKey(key), 200);
  });
}
