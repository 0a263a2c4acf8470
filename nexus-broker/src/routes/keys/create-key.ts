import { createRoute } from '@hono/zod-openapi';
import { KeyCreated, KeyInput } from '@nexus/broker-api/administration';
import { toAuditOrigin } from '../../domain/request-context.js';
import { createKey, type KeyDeps } from '../../services/keys/create-key.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toWireCreatedKey } from './wire-key.js';

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
    const { name, role, expires_at } = c.req.valid('json');
    const input = { name, role, expiresAt: expires_at ?? null, agentId: null };
    return c.json(toWireCreatedKey(await createKey(deps, input, toAuditOrigin(c.get('context')))), 201);
  });
}
