import type { Instant } from '@nexus/core/clock';
import type { AgentSession, SessionFilter } from '../domain/agent-session.js';
import { isOpenSession, matchesSession } from './session-filter.js';
import { toSession } from './session-row.js';
import type { StoreContext } from './store-context.js';

export interface SessionListFilter extends SessionFilter {
  readonly open?: boolean | undefined;
  /** The last `sessionId` of the page before. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

/** A session with the database's time, by which its expiry counts. */
export interface TimedSession {
  readonly session: AgentSession;
  readonly now: Instant;
}

export function createSessionReads({ db, databaseNow }: StoreContext) {
  const findBy = async (column: 'token_hash' | 'session_id', value: string): Promise<TimedSession | null> => {
    const row = await db
      .selectFrom('agent_session')
      .selectAll()
      .select(databaseNow().as('now'))
      .where(column, '=', value)
      .executeTakeFirst();
    return row === undefined ? null : { session: toSession(row), now: row.now };
  };
  return {
    findByTokenHash: (tokenHash: string): Promise<TimedSession | null> => findBy('token_hash', tokenHash),
    findById: (sessionId: string): Promise<TimedSession | null> => findBy('session_id', sessionId),

    async countOpen(filter: SessionFilter): Promise<number> {
      const row = await db
        .selectFrom('agent_session')
        .select((session) => session.fn.countAll<number>().as('count'))
        .where((session) => session.and([isOpenSession(session, databaseNow), matchesSession(session, filter)]))
        .executeTakeFirstOrThrow();
      return row.count;
    },

    async list(filter: SessionListFilter): Promise<AgentSession[]> {
      let query = db
        .selectFrom('agent_session')
        .selectAll()
        .where((session) => matchesSession(session, filter))
        .orderBy('session_id');
      if (filter.open === true) query = query.where((session) => isOpenSession(session, databaseNow));
      if (filter.open === false) query = query.where((session) => session.not(isOpenSession(session, databaseNow)));
      if (filter.after !== undefined) query = query.where('session_id', '>', filter.after);
      if (filter.limit !== undefined) query = query.limit(filter.limit);
      return (await query.execute()).map(toSession);
    },

    /** Sessions that are over and still hold a token minted for them. */
    async listEndedWithToken(page: { readonly after: string; readonly limit: number }): Promise<AgentSession[]> {
      const rows = await db
        .selectFrom('agent_session')
        .selectAll()
        .where('closed_at', 'is not', null)
        .where('sealed_token', 'is not', null)
        .where('session_id', '>', page.after)
        .orderBy('session_id')
        .limit(page.limit)
        .execute();
      return rows.map(toSession);
    },
  };
}
