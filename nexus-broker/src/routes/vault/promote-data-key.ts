import { createRoute } from '@hono/zod-openapi';
import { DataKey } from '@nexus/broker-api/vault';
import { promoteDataKey } from '../../services/vault/promote-data-key.js';
import type { KeyRingDeps } from '../../services/vault/vault-deps.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { dataKeyParameter, toWireDataKey } from './wire-key-ring.js';

const route = createRoute({
  operationId: 'promoteDataKey',
  method: 'post',
  path: '/admin/v1/vault/keys/{id}/promote',
  tags: ['Vault'],
  summary: 'Let a data key seal from now on',
  request: { params: dataKeyParameter },
  responses: {
    200: jsonAnswer(DataKey, 'It is active.'),
    ...errorAnswers('data_key_not_found', 'key_state_conflict', 'replicas_behind'),
  },
  ...keyRoute(['admin'], ['vault.promoted']),
});

export function registerPromoteDataKey(app: BrokerApp, deps: KeyRingDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const key = await promoteDataKey(deps, c.req.valid('param'), c.get('context'));
    return c.json(toWireDataKey(key), 200);
  });
}
