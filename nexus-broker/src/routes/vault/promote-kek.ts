import { createRoute } from '@hono/zod-openapi';
import { Kek } from '@nexus/broker-api/vault';
import { promoteKek } from '../../services/vault/promote-kek.js';
import type { KeyRingDeps } from '../../services/vault/vault-deps.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { kekParameter, toWireKek } from './wire-key-ring.js';

const route = createRoute({
  operationId: 'promoteKek',
  method: 'post',
  path: '/admin/v1/vault/keks/{id}/promote',
  tags: ['Vault'],
  summary: 'Wrap every data key under this key-encryption key',
  request: { params: kekParameter },
  responses: {
    200: jsonAnswer(Kek, 'It is primary.'),
    ...errorAnswers(
      'kek_not_found',
      'key_state_conflict',
      'replicas_behind',
      'kek_unusable',
      'key_provider_unavailable',
    ),
  },
  ...keyRoute(['admin'], ['vault.promoted']),
});

export function registerPromoteKek(app: BrokerApp, deps: KeyRingDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const kek = await promoteKek(deps, c.req.valid('param'), c.get('context'));
    return c.json(toWireKek(kek), 200);
  });
}
