import { createRoute } from '@hono/zod-openapi';
import { KeyList } from '@nexus/broker-api/administration';
import { listAgentKeys } from '../../services/keys/list-agent-keys.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';
import { toWireKey } from './wire-key.js';

const route = createRoute({
  operationId: 'listAgentKeys',
  method: 'get',
  path: '/admin/v1/agents/{id}/keys',
  tags: ['Agents'],
  summary: 'List the keys of an agent, without their values',
  request: { params: idParameter },
  responses: { 200: jsonAnswer(KeyList, 'All its keys, revoked ones included.'), ...errorAnswers('agent_not_found') },
  ...keyRoute(['operator', 'admin', 'auditor'], { none: 'no value of a key can be read' }),
});

export function registerListAgentKeys(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const keys = await listAgentKeys(deps, { agentId: c.req.valid('param').id });
    return c.json({ keys: keys.map(toWireKey) }, 200);
  });
}
