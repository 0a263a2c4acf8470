import { createRoute } from '@hono/zod-openapi';
import { BulkRevocation, BulkRevoked } from '@nexus/broker-api/connections';
import type { DeleteConnectionDeps } from '../../services/connections/delete-connection.js';
import { revokeConnections } from '../../services/connections/revoke-connections.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'revokeConnections',
  method: 'post',
  path: '/admin/v1/connections/revoke',
  tags: ['Connections'],
  summary: 'End every connection that matches, or count them first',
  request: jsonBody(BulkRevocation),
  responses: { 200: jsonAnswer(BulkRevoked, 'The counts.'), ...errorAnswers('provider_not_found') },
  ...keyRoute(['operator', 'admin'], ['connection.revoked']),
});

export function registerRevokeConnections(app: BrokerApp, deps: DeleteConnectionDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const dryRun = body.dry_run ?? false;
    const counts = await revokeConnections(
      deps,
      {
        providerName: body.provider_name ?? null,
        workspaceId: body.workspace_id ?? null,
        createdBefore: body.created_before ?? null,
        dryRun,
      },
      c.get('context'),
    );
    return c.json(
      {
        matched: counts.matched,
        revoked: counts.revoked,
        provider_revoked: counts.providerRevoked,
        dry_run: dryRun,
      },
      200,
    );
  });
}
