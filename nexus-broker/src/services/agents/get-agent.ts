import { NexusError } from '@nexus/core/errors';
import type { Agent } from '../../domain/agent.js';
import type { Database } from '../../stores/database.js';

/** @throws NexusError `agent_not_found`. */
export async function getAgent(
  deps: { readonly database: Database },
  input: { readonly agentId: string },
): Promise<Agent> {
  const agent = await deps.database.stores.agents.find(input.agentId);
  if (agent === null) throw agentNotFound();
  return agent;
}

export function agentNotFound(): NexusError {
  return new NexusError('agent_not_found', 'No agent has this id.');
}
