import { createRoute } from '@hono/zod-openapi';
import { KeyDeleted } from '@nexus/broker-api/administration';
import { type DeleteKeyDeps, deleteKey } from '../../services/keys/delete-key.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';
import { toWireDeletedKey } from './wire-key.js';

const route = createRoute({
  operationId: 'deleteKey',
  method: 'delete',
  path: '/admin/v1/keys/{id}',
  tags: ['Keys'],
  summary: 'Revoke a key at once',
  request: { params: idParameter },
  responses: { 200: jsonAnswer(KeyDeleted, 'It is revoked.'), ...errorAnswers('key_not_found') },
  ...keyRoute(['admin'], ['key.revoked', 'session.closed']),
});

export function registerDeleteKey(app: BrokerApp, deps: DeleteKeyDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const input = { keyId: c.req.valid('param').id, agentId: null };
    const deleted = await deleteKey(deps, input, c.get('context'));
    return c.json(toWireDeletedKey(deleted), 200);
  });
}
