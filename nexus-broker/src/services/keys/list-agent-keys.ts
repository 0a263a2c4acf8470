import { NexusError } from '@nexus/core/errors';
import type { ApiKey } from '../../domain/api-key.js';
import type { Database } from '../../stores/database.js';

/** @throws NexusError `agent_not_found`. */
export async function listAgentKeys(
  { database }: { readonly database: Database },
  { agentId }: { readonly agentId: string },
): Promise<readonly ApiKey[]> {
  if ((await database.stores.agents.find(agentId)) === null) {
    throw new NexusError('agent_not_found', 'No agent has this id.');
  }
  return database.stores.keys.listByAgent(agentId);
}
