import { toInstant } from '@nexus/core/clock';
import { describeRevokedKey } from '../../domain/api-key.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { endSessions } from '../../sessions/end-sessions.js';
import { agentNotFound } from './get-agent.js';
import type { EndAgentDeps } from './update-agent.js';

export interface DeletedAgent {
  readonly keysRevoked: number;
  readonly sessionsClosed: number;
}

/** Deregisters an agent with its keys and sessions; the audit log keeps its history. @throws NexusError `agent_not_found`. */
export async function deleteAgent(
  deps: EndAgentDeps,
  { agentId }: { readonly agentId: string },
  context: RequestContext,
): Promise<DeletedAgent> {
  const origin = toAuditOrigin(context);
  const deleted = await deps.database.transaction(async (stores) => {
    if (!(await stores.agents.delete(agentId))) throw agentNotFound();
    const keys = await stores.keys.revokeByAgent(agentId, toInstant(deps.clock.now()));
    const closed = await endSessions(stores, deps.audit, { filter: { agentId }, end: 'agent_deregistered', origin });
    await stores.audit.insert([
      ...keys.map((key) => deps.audit.entry(describeRevokedKey(key), origin)),
      deps.audit.entry(
        {
          eventType: 'agent.deregistered',
          outcome: 'success',
          resourceId: agentId,
          agentId,
          data: { keys_revoked: keys.length, sessions_closed: closed.length },
        },
        origin,
      ),
    ]);
    return { keysRevoked: keys.length, sessionsClosed: closed.length };
  });
  deps.endedTokens.discardSoon();
  return deleted;
}
