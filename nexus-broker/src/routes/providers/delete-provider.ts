import { createRoute } from '@hono/zod-openapi';
import { ProviderDeleted } from '@nexus/broker-api/providers';
import { type DeleteProviderDeps, deleteProvider } from '../../services/providers/delete-provider.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, forceQuery, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'deleteProvider',
  method: 'delete',
  path: '/admin/v1/providers/{id}',
  tags: ['Providers'],
  summary: 'Delete a provider',
  request: { params: idParameter, query: forceQuery },
  responses: {
    200: jsonAnswer(ProviderDeleted, 'It is deleted; with force, so many connections were ended.'),
    ...errorAnswers('provider_not_found', 'provider_in_use'),
  },
  ...keyRoute(['operator', 'admin'], ['provider.deleted', 'connection.revoked']),
});

export function registerDeleteProvider(app: BrokerApp, deps: DeleteProviderDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const input = { providerId: c.req.valid('param').id, force: c.req.valid('query').force === 'true' };
    const { providerId, connections } = await deleteProvider(deps, input, c.get('context'));
    return c.json({ id: providerId, deleted: true as const, connections }, 200);
  });
}
