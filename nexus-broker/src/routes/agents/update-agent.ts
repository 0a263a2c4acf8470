import { createRoute } from '@hono/zod-openapi';
import { Agent, AgentPatch } from '@nexus/broker-api/agents';
import { type EndAgentDeps, updateAgent } from '../../services/agents/update-agent.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toAgentFields, toWireAgent } from './wire-agent.js';

const route = createRoute({
  operationId: 'updateAgent',
  method: 'patch',
  path: '/admin/v1/agents/{id}',
  tags: ['Agents'],
  summary: 'Update agent allowed scopes',
  description: 'Takes effect on open sessions at their next use, on every replica; `active: false` closes them.',
  request: { params: idParameter, ...jsonBody(AgentPatch) },
  responses: { 200: jsonAnswer(Agent, 'The agent as it is now.'), ...errorAnswers('agent_not_found') },
  ...keyRoute(['operator', 'admin'], ['agent.updated', 'session.closed']),
});

export function registerUpdateAgent(app: BrokerApp, deps: EndAgentDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const input = { agentId: c.req.valid('param').id, fields: toAgentFields(c.req.valid('json')) };
    return c.json(toWireAgent(await updateAgent(deps, input, c.get('context'))), 200);
  });
}
