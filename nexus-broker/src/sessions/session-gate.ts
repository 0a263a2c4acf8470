/** Judged anew at every use and never remembered: what an operator cuts is cut at the next request, on every replica. */
import { NexusError } from '@nexus/core/errors';
import { type ActiveConnection, getProviderOf, requireActive } from '../disclosure/active-connection.js';
import { type Agent, requireActiveAgent, requireAllowedProvider } from '../domain/agent.js';
import {
  type AgentSession,
  grantedScopes,
  requireAllowedScopes,
  requireGrantedScopes,
} from '../domain/agent-session.js';
import { isUsable } from '../domain/api-key.js';
import type { Provider } from '../domain/provider.js';
import type { Database } from '../stores/database.js';
import type { TimedSession } from '../stores/session-reads.js';

/** A session through which its connection may be used right now. */
export interface UsableSession {
  readonly session: AgentSession;
  readonly agent: Agent;
  readonly connection: ActiveConnection;
  readonly provider: Provider;
}

/**
 * @throws NexusError `invalid_session_token` for a session that is over, `agent_inactive`, `provider_not_allowed`,
 * `scope_not_allowed`, `scope_not_granted`, or what the connection's status says.
 */
export async function passGate(database: Database, { session, now }: TimedSession): Promise<UsableSession> {
  const { stores } = database;
  const [agent, key, connection] = await Promise.all([
    stores.agents.find(session.agentId),
    stores.keys.findById(session.openedBy),
    stores.connections.findByRef(session.connectionRef),
  ]);
  if (agent === null || connection === null) throw sessionIsOver();
  requireActiveAgent(agent);
  if (isOver({ session, now })) throw sessionIsOver();
  if (key === null || !isUsable(key, now)) throw sessionIsOver();
  const provider = await getProviderOf(database, connection);
  requireAllowedProvider(agent, provider.profile.name);
  requireAllowedScopes(agent, session.scopes);
  const active = await requireActive(database, connection);
  requireGrantedScopes(grantedScopes(active, provider.profile), session.scopes);
  return { session, agent, connection: active, provider };
}

/** Closed, or past its expiry by the database's clock. */
export function isOver({ session, now }: TimedSession): boolean {
  return session.closedAt !== null || session.expiresAt <= now;
}

/** Whether a read through the session would pass the gate now. */
export async function isSessionUsable(database: Database, timed: TimedSession): Promise<boolean> {
  try {
    await passGate(database, timed);
    return true;
  } catch (error) {
    if (error instanceof NexusError && error.status < 500) return false;
    throw error;
  }
}

export function sessionIsOver(): NexusError {
  return new NexusError('invalid_session_token', 'This is not the token of an open session; open a new one.');
}
