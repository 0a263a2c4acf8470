import { createRoute } from '@hono/zod-openapi';
import { KeyCreated } from '@nexus/broker-api/administration';
import { AgentKeyInput } from '@nexus/broker-api/agents';
import { createAgentKey } from '../../services/keys/create-agent-key.js';
import type { KeyDeps } from '../../services/keys/create-key.js';
import type { AccessDeps } from '../access.js';
import {
  type BrokerApp,
  errorAnswers,
  guard,
  idParameter,
  jsonAnswer,
  keyRoute,
  optionalJsonBody,
} from '../operation.js';
import { toWireCreatedKey } from './wire-key.js';

const route = createRoute({
  operationId: 'createAgentKey',
  method: 'post',
  path: '/admin/v1/agents/{id}/keys',
  tags: ['Agents'],
  summary: 'Create a key of an agent; it is shown this once',
  request: { params: idParameter, ...optionalJsonBody(AgentKeyInput) },
  responses: { 201: jsonAnswer(KeyCreated, 'The key.'), ...errorAnswers('agent_not_found') },
  ...keyRoute(['operator', 'admin'], ['key.created']),
});

export function registerCreateAgentKey(app: BrokerApp, deps: KeyDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { name, expires_at } = c.req.valid('json');
    const input = { agentId: c.req.valid('param').id, name: name ?? null, expiresAt: expires_at ?? null };
    return c.json(toWireCreatedKey(await createAgentKey(deps, input, c.get('context'))), 201);
  });
}
