import { createRoute } from '@hono/zod-openapi';
import { DataKeyList, RotateInput } from '@nexus/broker-api/vault';
import { rotateDataKeys } from '../../services/vault/rotate-data-keys.js';
import type { KeyRingDeps } from '../../services/vault/vault-deps.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toWireDataKey } from './wire-key-ring.js';

const route = createRoute({
  operationId: 'rotateDataKeys',
  method: 'post',
  path: '/admin/v1/vault/rotate',
  tags: ['Vault'],
  summary: 'Put new data keys in the place of those that seal now',
  request: jsonBody(RotateInput),
  responses: {
    200: jsonAnswer(DataKeyList, 'The new keys; what the old ones sealed is sealed again in the background.'),
    ...errorAnswers('key_state_conflict', 'replicas_behind', 'kek_unusable', 'key_provider_unavailable'),
  },
  ...keyRoute(['admin'], ['vault.key_added', 'vault.promoted']),
});

export function registerRotateDataKeys(app: BrokerApp, deps: KeyRingDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { purposes = null } = c.req.valid('json');
    const keys = await rotateDataKeys(deps, { purposes }, c.get('context'));
    return c.json({ keys: keys.map(toWireDataKey) }, 200);
  });
}
