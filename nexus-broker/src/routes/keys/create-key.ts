import { createRoute } from '@hono/zod-openapi';
import { KeyCreated, KeyInput } from '@nexus/broker-api/administration';
import { toAuditOrigin } from '../../domain/request-context.js';
import { createKey, type KeyDeps } from '../../services/keys/create-key.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'createKey',
  method: 'post',
  path: '/admin/v1/keys',
  tags: ['Keys'],
  summary: 'Create a key; it is shown this once',
  request: jsonBody(KeyInput),
  responses: { 201: jsonAnswer(KeyCreated, 'The key.'), ...errorAnswers() },
  ...keyRoute(['admin'], ['key.created']),
});

export function registerCreateKey(app: BrokerApp, deps: KeyDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const input = { name: body.name, role: body.role, expiresAt: body.expires_at ?? null };
    const { key, value } = await createKey(deps, input, toAuditOrigin(c.get('context')));
    return c.json(
      {
        id: key.keyId,
        key: value,
        name: key.name,
        role: key.role,
        last_four: key.lastFour,
        created_at: key.createdAt,
        expires_at: key.expiresAt,
      },
      201,
    );
  });
}
