import { createRoute } from '@hono/zod-openapi';
import { DataKey } from '@nexus/broker-api/vault';
import { compromiseDataKey } from '../../services/vault/compromise-data-key.js';
import type { KeyRingDeps } from '../../services/vault/vault-deps.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { dataKeyParameter, toWireDataKey } from './wire-key-ring.js';

const route = createRoute({
  operationId: 'compromiseDataKey',
  method: 'post',
  path: '/admin/v1/vault/keys/{id}/compromise',
  tags: ['Vault'],
  summary: 'Replace a data key that others may know, and seal everything again at full speed',
  request: { params: dataKeyParameter },
  responses: {
    200: jsonAnswer(DataKey, 'It is compromised.'),
    ...errorAnswers('data_key_not_found', 'key_state_conflict', 'kek_unusable', 'key_provider_unavailable'),
  },
  ...keyRoute(['admin'], ['vault.compromised', 'vault.key_added', 'vault.promoted']),
});

export function registerCompromiseDataKey(app: BrokerApp, deps: KeyRingDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const key = await compromiseDataKey(deps, c.req.valid('param'), c.get('context'));
    return c.json(toWireDataKey(key), 200);
  });
}
