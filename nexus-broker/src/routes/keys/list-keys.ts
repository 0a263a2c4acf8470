import { createRoute } from '@hono/zod-openapi';
import { KeyList } from '@nexus/broker-api/administration';
import { listKeys } from '../../services/keys/list-keys.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'listKeys',
  method: 'get',
  path: '/admin/v1/keys',
  tags: ['Keys'],
  summary: 'List keys, without their values',
  responses: { 200: jsonAnswer(KeyList, 'All keys, revoked ones included.'), ...errorAnswers() },
  ...keyRoute(['admin'], { none: 'no value of a key can be read' }),
});

export function registerListKeys(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const keys = await listKeys(deps);
    return c.json(
      {
        keys: keys.map((key) => ({
          id: key.keyId,
          name: key.name,
          role: key.role,
          last_four: key.lastFour,
          created_at: key.createdAt,
          expires_at: key.expiresAt,
          revoked_at: key.revokedAt,
          last_used_at: key.lastUsedAt,
        })),
      },
      200,
    );
  });
}
