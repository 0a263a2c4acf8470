import { createRoute } from '@hono/zod-openapi';
import { DataKey, DataKeyInput } from '@nexus/broker-api/vault';
import { createDataKey } from '../../services/vault/create-data-key.js';
import type { KeyRingDeps } from '../../services/vault/vault-deps.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toWireDataKey } from './wire-key-ring.js';

const route = createRoute({
  operationId: 'createDataKey',
  method: 'post',
  path: '/admin/v1/vault/keys',
  tags: ['Vault'],
  summary: 'Make a data key that waits for its promotion',
  request: jsonBody(DataKeyInput),
  responses: {
    201: jsonAnswer(DataKey, 'It seals nothing yet.'),
    ...errorAnswers('key_state_conflict', 'kek_unusable', 'key_provider_unavailable'),
  },
  ...keyRoute(['admin'], ['vault.key_added']),
});

export function registerCreateDataKey(app: BrokerApp, deps: KeyRingDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const key = await createDataKey(deps, c.req.valid('json'), c.get('context'));
    return c.json(toWireDataKey(key), 201);
  });
}
