import { createRoute } from '@hono/zod-openapi';
import { Agent, AgentInput } from '@nexus/broker-api/agents';
import { type AgentDeps, createAgent } from '../../services/agents/create-agent.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toAgentFields, toWireAgent } from './wire-agent.js';

const route = createRoute({
  operationId: 'createAgent',
  method: 'post',
  path: '/admin/v1/agents',
  tags: ['Agents'],
  summary: 'Register an agent with its allowed scopes',
  request: jsonBody(AgentInput),
  responses: { 201: jsonAnswer(Agent, 'The agent.'), ...errorAnswers('agent_exists') },
  ...keyRoute(['operator', 'admin'], ['agent.registered']),
});

export function registerCreateAgent(app: BrokerApp, deps: AgentDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { agent_id, ...fields } = c.req.valid('json');
    const agent = await createAgent(deps, { agentId: agent_id, fields: toAgentFields(fields) }, c.get('context'));
    return c.json(toWireAgent(agent), 201);
  });
}
