import { toInstant } from '@nexus/core/clock';
import type { Agent } from '../../domain/agent.js';
import { type AgentFields, applyAgentFields, nameFields } from '../../domain/agent-fields.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { endSessions } from '../../sessions/end-sessions.js';
import type { EndedTokens } from '../../sessions/ended-tokens.js';
import type { AgentDeps } from './create-agent.js';
import { agentNotFound } from './get-agent.js';

export interface EndAgentDeps extends AgentDeps {
  readonly endedTokens: EndedTokens;
}

/**
 * Changes the fields named. What is cut is refused to open sessions from their next use on; a deactivation closes them
 * for good. @throws NexusError `agent_not_found`, `invalid_request`.
 */
export async function updateAgent(
  deps: EndAgentDeps,
  input: { readonly agentId: string; readonly fields: AgentFields },
  context: RequestContext,
): Promise<Agent> {
  const origin = toAuditOrigin(context);
  const named = nameFields(input.fields);
  const agent = await deps.database.transaction(async (stores) => {
    const held = await stores.agents.hold(input.agentId);
    if (held === null) throw agentNotFound();
    if (named.length === 0) return held;
    const changed = { ...applyAgentFields(held, input.fields), updatedAt: toInstant(deps.clock.now()) };
    await stores.agents.update(changed);
    const { agentId } = changed;
    const closed = changed.active
      ? []
      : await endSessions(stores, deps.audit, { filter: { agentId }, end: 'agent_deactivated', origin });
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'agent.updated',
          outcome: 'success',
          resourceId: agentId,
          agentId,
          data: {
            fields: named,
            allowed_scopes: [...changed.allowedScopes],
            allowed_providers: changed.allowedProviders as string[] | null,
            active: changed.active,
            sessions_closed: closed.length,
          },
        },
        origin,
      ),
    ]);
    return changed;
  });
  if (!agent.active) deps.endedTokens.discardSoon();
  return agent;
}
