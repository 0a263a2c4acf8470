import { createRoute } from '@hono/zod-openapi';
import { ReturnOriginDeleted } from '@nexus/broker-api/administration';
import type { ReturnOriginDeps } from '../../services/return-origins/create-return-origin.js';
import { deleteReturnOrigin } from '../../services/return-origins/delete-return-origin.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'deleteReturnOrigin',
  method: 'delete',
  path: '/admin/v1/return-origins/{id}',
  tags: ['Return origins'],
  summary: 'Delete a return origin',
  request: { params: idParameter },
  responses: { 200: jsonAnswer(ReturnOriginDeleted, 'It is deleted.'), ...errorAnswers('return_origin_not_found') },
  ...keyRoute(['admin'], ['return_origin.deleted']),
});

export function registerDeleteReturnOrigin(app: BrokerApp, deps: ReturnOriginDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { id } = c.req.valid('param');
    await deleteReturnOrigin(deps, { returnOriginId: id }, c.get('context'));
    return c.json({ id, deleted: true as const }, 200);
  });
}
