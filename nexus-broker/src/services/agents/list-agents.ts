import type { Agent } from '../../domain/agent.js';
import type { Database } from '../../stores/database.js';

export interface AgentPage {
  readonly agents: readonly Agent[];
  /** Present where more rows follow. */
  readonly nextCursor: string | null;
}

export async function listAgents(
  deps: { readonly database: Database },
  { limit, after }: { readonly limit: number | null; readonly after: string | null },
): Promise<AgentPage> {
  const rows = await deps.database.stores.agents.list({ after: after ?? '', limit: limit === null ? null : limit + 1 });
  const agents = limit === null ? rows : rows.slice(0, limit);
  const last = agents.at(-1);
  return { agents, nextCursor: rows.length > agents.length && last !== undefined ? last.agentId : null };
}
