import { createRoute } from '@hono/zod-openapi';
import { Kek } from '@nexus/broker-api/vault';
import { retireKek } from '../../services/vault/retire-kek.js';
import type { KeyRingDeps } from '../../services/vault/vault-deps.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { kekParameter, toWireKek } from './wire-key-ring.js';

const route = createRoute({
  operationId: 'retireKek',
  method: 'post',
  path: '/admin/v1/vault/keks/{id}/retire',
  tags: ['Vault'],
  summary: 'Set a key-encryption key out of use that wraps nothing any more',
  request: { params: kekParameter },
  responses: {
    200: jsonAnswer(Kek, 'It is retired.'),
    ...errorAnswers('kek_not_found', 'key_state_conflict', 'key_in_use', 'replicas_behind'),
  },
  ...keyRoute(['admin'], ['vault.retired']),
});

export function registerRetireKek(app: BrokerApp, deps: KeyRingDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const kek = await retireKek(deps, c.req.valid('param'), c.get('context'));
    return c.json(toWireKek(kek), 200);
  });
}
