import type { ExpressionBuilder } from 'kysely';
import type { SessionFilter } from '../domain/agent-session.js';
import type { AgentSessionTable, Schema } from './schema.js';
import type { StoreContext } from './store-context.js';

const filterColumns = {
  sessionId: 'session_id',
  agentId: 'agent_id',
  connectionRef: 'connection_ref',
  openedBy: 'opened_by',
  userIssuer: 'user_issuer',
  userSubject: 'user_subject',
} as const satisfies Record<keyof SessionFilter, keyof AgentSessionTable>;

type Where = ExpressionBuilder<Schema, 'agent_session'>;

/** Sessions that match every field of the filter; an empty one matches all. */
export function matchesSession(session: Where, filter: SessionFilter) {
  return session.and(
    Object.entries(filterColumns).flatMap(([name, column]) => {
      const value = filter[name as keyof SessionFilter];
      return value === undefined ? [] : [session(column, '=', value)];
    }),
  );
}

/** Neither closed nor past its expiry by the database's clock. */
export function isOpenSession(session: Where, databaseNow: StoreContext['databaseNow']) {
  return session.and([session('closed_at', 'is', null), session('expires_at', '>', databaseNow())]);
}
