import { createRoute } from '@hono/zod-openapi';
import { KeyDeleted } from '@nexus/broker-api/administration';
import type { KeyDeps } from '../../services/keys/create-key.js';
import { deleteKey } from '../../services/keys/delete-key.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'deleteKey',
  method: 'delete',
  path: '/admin/v1/keys/{id}',
  tags: ['Keys'],
  summary: 'Revoke a key at once',
  request: { params: idParameter },
  responses: { 200: jsonAnswer(KeyDeleted, 'It is revoked.'), ...errorAnswers('key_not_found') },
  ...keyRoute(['admin'], ['key.revoked']),
});

export function registerDeleteKey(app: BrokerApp, deps: KeyDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { keyId, revokedAt } = await deleteKey(deps, { keyId: c.req.valid('param').id }, c.get('context'));
    return c.json({ id: keyId, revoked_at: revokedAt }, 200);
  });
}
