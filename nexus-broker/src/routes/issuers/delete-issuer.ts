import { createRoute } from '@hono/zod-openapi';
import { IssuerDeleted } from '@nexus/broker-api/issuers';
import { type DeleteIssuerDeps, deleteIssuer } from '../../services/issuers/delete-issuer.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'deleteIssuer',
  method: 'delete',
  path: '/admin/v1/issuers/{id}',
  tags: ['Issuers'],
  summary: 'Delete an issuer and close the sessions of its users',
  request: { params: idParameter },
  responses: { 200: jsonAnswer(IssuerDeleted, 'It is deleted.'), ...errorAnswers('issuer_not_found') },
  ...keyRoute(['admin'], ['issuer.deleted', 'session.closed']),
});

export function registerDeleteIssuer(app: BrokerApp, deps: DeleteIssuerDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { id } = c.req.valid('param');
    const { sessionsClosed } = await deleteIssuer(deps, { issuerId: id }, c.get('context'));
    return c.json({ id, deleted: true as const, sessions_closed: sessionsClosed }, 200);
  });
}
