import { createRoute } from '@hono/zod-openapi';
import { AgentList } from '@nexus/broker-api/agents';
import { listAgents } from '../../services/agents/list-agents.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute, pageQuery } from '../operation.js';
import { toWireAgent } from './wire-agent.js';

const route = createRoute({
  operationId: 'listAgents',
  method: 'get',
  path: '/admin/v1/agents',
  tags: ['Agents'],
  summary: 'List all registered agents',
  request: { query: pageQuery },
  responses: { 200: jsonAnswer(AgentList, 'All agents, or a page where `limit` is given.'), ...errorAnswers() },
  ...keyRoute(['operator', 'admin', 'auditor'], { none: 'it discloses no credential' }),
});

export function registerListAgents(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { limit, cursor } = c.req.valid('query');
    const { agents, nextCursor } = await listAgents(deps, { limit: limit ?? null, after: cursor ?? null });
    const more = nextCursor === null ? {} : { next_cursor: nextCursor };
    return c.json({ agents: agents.map(toWireAgent), ...more }, 200);
  });
}
