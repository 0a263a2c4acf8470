import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { AuditLog } from '../../audit/audit-log.js';
import type { Agent } from '../../domain/agent.js';
import { type AgentFields, applyAgentFields } from '../../domain/agent-fields.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { Database } from '../../stores/database.js';

export interface AgentDeps {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Registers an agent. @throws NexusError `agent_exists`, `invalid_request`. */
export async function createAgent(
  deps: AgentDeps,
  input: { readonly agentId: string; readonly fields: AgentFields },
  context: RequestContext,
): Promise<Agent> {
  const at = toInstant(deps.clock.now());
  const blank: Agent = {
    agentId: input.agentId,
    displayName: null,
    description: '',
    allowedScopes: [],
    allowedProviders: null,
    metadata: {},
    active: true,
    createdAt: at,
    updatedAt: at,
  };
  const agent = applyAgentFields(blank, input.fields);
  await deps.database.transaction(async (stores) => {
    if (!(await stores.agents.insert(agent))) {
      throw new NexusError(
        'agent_exists',
        'An agent of this id is registered already; change it, or choose another id.',
      );
    }
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'agent.registered',
          outcome: 'success',
          resourceId: agent.agentId,
          agentId: agent.agentId,
          data: {
            allowed_scopes: [...agent.allowedScopes],
            allowed_providers: agent.allowedProviders as string[] | null,
          },
        },
        toAuditOrigin(context),
      ),
    ]);
  });
  return agent;
}
