import { createRoute } from '@hono/zod-openapi';
import { DataKey } from '@nexus/broker-api/vault';
import { retireDataKey } from '../../services/vault/retire-data-key.js';
import type { KeyRingDeps } from '../../services/vault/vault-deps.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { dataKeyParameter, toWireDataKey } from './wire-key-ring.js';

const route = createRoute({
  operationId: 'retireDataKey',
  method: 'post',
  path: '/admin/v1/vault/keys/{id}/retire',
  tags: ['Vault'],
  summary: 'Set a data key out of use under which nothing is sealed any more',
  request: { params: dataKeyParameter },
  responses: {
    200: jsonAnswer(DataKey, 'It is deactivated.'),
    ...errorAnswers('data_key_not_found', 'key_state_conflict', 'key_in_use', 'replicas_behind'),
  },
  ...keyRoute(['admin'], ['vault.retired']),
});

export function registerRetireDataKey(app: BrokerApp, deps: KeyRingDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const key = await retireDataKey(deps, c.req.valid('param'), c.get('context'));
    return c.json(toWireDataKey(key), 200);
  });
}
