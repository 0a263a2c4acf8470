import { createRoute } from '@hono/zod-openapi';
import { Kek, KekInput } from '@nexus/broker-api/vault';
import { addKek } from '../../services/vault/add-kek.js';
import type { KeyRingDeps } from '../../services/vault/vault-deps.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toWireKek } from './wire-key-ring.js';

const route = createRoute({
  operationId: 'addKek',
  method: 'post',
  path: '/admin/v1/vault/keks',
  tags: ['Vault'],
  summary: 'Make a key-encryption key known that the key provider holds',
  request: jsonBody(KekInput),
  responses: {
    201: jsonAnswer(Kek, 'Nothing is wrapped by it yet.'),
    ...errorAnswers('kek_exists', 'kek_unusable', 'key_provider_unavailable'),
  },
  ...keyRoute(['admin'], ['vault.key_added']),
});

export function registerAddKek(app: BrokerApp, deps: KeyRingDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const kek = await addKek(deps, c.req.valid('json'), c.get('context'));
    return c.json(toWireKek(kek), 201);
  });
}
