import { createRoute } from '@hono/zod-openapi';
import { Agent } from '@nexus/broker-api/agents';
import { getAgent } from '../../services/agents/get-agent.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';
import { toWireAgent } from './wire-agent.js';

const route = createRoute({
  operationId: 'getAgent',
  method: 'get',
  path: '/admin/v1/agents/{id}',
  tags: ['Agents'],
  summary: 'Get a specific agent',
  request: { params: idParameter },
  responses: { 200: jsonAnswer(Agent, 'The agent.'), ...errorAnswers('agent_not_found') },
  ...keyRoute(['operator', 'admin', 'auditor'], { none: 'it discloses no credential' }),
});

export function registerGetAgent(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    return c.json(toWireAgent(await getAgent(deps, { agentId: c.req.valid('param').id })), 200);
  });
}
