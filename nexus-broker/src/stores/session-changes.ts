/** Every change is one conditional statement, so of any number of callers at once exactly one wins. */
import type { SealedBlob } from '@nexus/vault/vault';
import type { AgentSession, SessionEnd, SessionFilter } from '../domain/agent-session.js';
import { isOpenSession, matchesSession } from './session-filter.js';
import { toSession, toSessionRow } from './session-row.js';
import { hasWon, type StoreContext } from './store-context.js';

export interface StoreTokenInput {
  readonly sessionId: string;
  readonly expectedVersion: number;
  readonly sealed: SealedBlob;
  readonly tokenOrigin: string;
}

export function createSessionChanges(context: StoreContext) {
  const { db, databaseNow } = context;
  return {
    async insert(session: AgentSession): Promise<void> {
      await db.insertInto('agent_session').values(toSessionRow(session)).execute();
    },

    /** Closes what is open among those that match the filter, and returns it as it is now. */
    async close(filter: SessionFilter, end: SessionEnd): Promise<AgentSession[]> {
      const rows = await db
        .updateTable('agent_session')
        .set({ closed_at: databaseNow(), end_reason: end })
        .where((session) => session.and([isOpenSession(session, databaseNow), matchesSession(session, filter)]))
        .returningAll()
        .execute();
      return rows.map(toSession);
    },

    closeOfExpiredKeys: (limit: number): Promise<AgentSession[]> => closeOfExpiredKeys(context, limit),
    expireDue: (limit: number): Promise<AgentSession[]> => expireDue(context, limit),

    /** Stores a token minted for the session, unless it was closed or got another one meanwhile. */
    async storeToken(input: StoreTokenInput): Promise<boolean> {
      const result = await db
        .updateTable('agent_session')
        .set({ sealed_token: input.sealed, token_version: input.expectedVersion + 1, token_origin: input.tokenOrigin })
        .where('session_id', '=', input.sessionId)
        .where('token_version', '=', input.expectedVersion)
        .where((session) => isOpenSession(session, databaseNow))
        .executeTakeFirst();
      return hasWon(result);
    },

    /** Open sessions of the connection have no token of their own any more. */
    async dropTokens(connectionRef: string): Promise<void> {
      await db
        .updateTable('agent_session')
        .set((session) => ({ sealed_token: null, token_version: session('token_version', '+', 1) }))
        .where('connection_ref', '=', connectionRef)
        .where('sealed_token', 'is not', null)
        .where('closed_at', 'is', null)
        .execute();
    },

    async eraseToken(sessionId: string): Promise<void> {
      await db
        .updateTable('agent_session')
        .set({ sealed_token: null })
        .where('session_id', '=', sessionId)
        .where('closed_at', 'is not', null)
        .execute();
    },

    /** Forgets sessions that ended long ago; the audit log remembers them. */
    async deleteEndedBefore(input: { readonly secondsAgo: number; readonly limit: number }): Promise<number> {
      const old = db
        .selectFrom('agent_session')
        .select('session_id')
        .where('closed_at', '<', databaseNow(-input.secondsAgo))
        .where('sealed_token', 'is', null)
        .limit(input.limit);
      const result = await db.deleteFrom('agent_session').where('session_id', 'in', old).executeTakeFirst();
      return Number(result.numDeletedRows);
    },
  };
}

/** Closes open sessions whose key has run out by the database's clock. */
async function closeOfExpiredKeys({ db, databaseNow }: StoreContext, limit: number): Promise<AgentSession[]> {
  const due = db
    .selectFrom('agent_session')
    .innerJoin('api_key', 'api_key.key_id', 'agent_session.opened_by')
    .select('session_id')
    .where('agent_session.closed_at', 'is', null)
    .where('api_key.expires_at', '<=', databaseNow())
    .limit(limit);
  const rows = await db
    .updateTable('agent_session')
    .set({ closed_at: databaseNow(), end_reason: 'key_expired' })
    .where('session_id', 'in', due)
    .where((session) => isOpenSession(session, databaseNow))
    .returningAll()
    .execute();
  return rows.map(toSession);
}

/** Marks sessions past their expiry as ended then; each is returned to one caller only. */
async function expireDue({ db, databaseNow }: StoreContext, limit: number): Promise<AgentSession[]> {
  const due = db
    .selectFrom('agent_session')
    .select('session_id')
    .where('closed_at', 'is', null)
    .where('expires_at', '<=', databaseNow())
    .limit(limit);
  const rows = await db
    .updateTable('agent_session')
    .set((session) => ({ closed_at: session.ref('expires_at'), end_reason: 'expired' as const }))
    .where('session_id', 'in', due)
    .where('closed_at', 'is', null)
    .returningAll()
    .execute();
  return rows.map(toSession);
}
