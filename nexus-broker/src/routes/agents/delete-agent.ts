import { createRoute } from '@hono/zod-openapi';
import { AgentDeleted } from '@nexus/broker-api/agents';
import { deleteAgent } from '../../services/agents/delete-agent.js';
import type { EndAgentDeps } from '../../services/agents/update-agent.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';

const route = createRoute({
  operationId: 'deleteAgent',
  method: 'delete',
  path: '/admin/v1/agents/{id}',
  tags: ['Agents'],
  summary: 'Deregister an agent',
  description: 'Closes its sessions and revokes its keys; the audit log keeps its history.',
  request: { params: idParameter },
  responses: { 200: jsonAnswer(AgentDeleted, 'It is deregistered.'), ...errorAnswers('agent_not_found') },
  ...keyRoute(['operator', 'admin'], ['agent.deregistered', 'key.revoked', 'session.closed']),
});

export function registerDeleteAgent(app: BrokerApp, deps: EndAgentDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { id } = c.req.valid('param');
    const { keysRevoked, sessionsClosed } = await deleteAgent(deps, { agentId: id }, c.get('context'));
    return c.json(
      { agent_id: id, deleted: true as const, keys_revoked: keysRevoked, sessions_closed: sessionsClosed },
      200,
    );
  });
}
