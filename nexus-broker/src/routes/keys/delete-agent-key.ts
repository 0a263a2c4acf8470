import { createRoute, z } from '@hono/zod-openapi';
import { KeyDeleted } from '@nexus/broker-api/administration';
import { type DeleteKeyDeps, deleteKey } from '../../services/keys/delete-key.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';
import { toWireDeletedKey } from './wire-key.js';

const params = idParameter.extend({
  key_id: z
    .string()
    .min(1)
    .max(64)
    .openapi({ param: { name: 'key_id', in: 'path' } }),
});

const route = createRoute({
  operationId: 'deleteAgentKey',
  method: 'delete',
  path: '/admin/v1/agents/{id}/keys/{key_id}',
  tags: ['Agents'],
  summary: 'Revoke a key of an agent at once, and close the sessions it opened',
  request: { params },
  responses: { 200: jsonAnswer(KeyDeleted, 'It is revoked.'), ...errorAnswers('key_not_found') },
  ...keyRoute(['operator', 'admin'], ['key.revoked', 'session.closed']),
});

export function registerDeleteAgentKey(app: BrokerApp, deps: DeleteKeyDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { id, key_id } = c.req.valid('param');
    const deleted = await deleteKey(deps, { keyId: key_id, agentId: id }, c.get('context'));
    return c.json(toWireDeletedKey(deleted), 200);
  });
}
