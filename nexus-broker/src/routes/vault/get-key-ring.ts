import { createRoute } from '@hono/zod-openapi';
import { KeyRing } from '@nexus/broker-api/vault';
import { type GetKeyRingDeps, getKeyRing } from '../../services/vault/get-key-ring.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { toWireKeyRing } from './wire-key-ring.js';

const route = createRoute({
  operationId: 'getKeyRing',
  method: 'get',
  path: '/admin/v1/vault',
  tags: ['Vault'],
  summary: 'The key ring, the replicas and how far re-sealing is',
  responses: { 200: jsonAnswer(KeyRing, 'No key material.'), ...errorAnswers() },
  ...keyRoute(['admin', 'auditor'], { none: 'it shows no secret' }),
});

export function registerGetKeyRing(app: BrokerApp, deps: GetKeyRingDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => c.json(toWireKeyRing(await getKeyRing(deps)), 200));
}
