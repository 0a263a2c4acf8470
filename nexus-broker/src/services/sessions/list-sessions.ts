import type { AgentSession, SessionFilter } from '../../domain/agent-session.js';
import type { Database } from '../../stores/database.js';

export interface ListSessionsInput {
  readonly filter: SessionFilter;
  /** Null lists open sessions and others. */
  readonly open: boolean | null;
  readonly limit: number | null;
  readonly after: string | null;
}

export interface SessionListing {
  readonly session: AgentSession;
  readonly providerName: string;
  /** Neither closed nor past its expiry, by the database's clock. */
  readonly isOpen: boolean;
}

export interface SessionPage {
  readonly sessions: readonly SessionListing[];
  /** Present where more rows follow. */
  readonly nextCursor: string | null;
}

export async function listSessions(
  deps: { readonly database: Database },
  { filter, open, limit, after }: ListSessionsInput,
): Promise<SessionPage> {
  const now = await deps.database.now();
  const rows = await deps.database.stores.sessions.list({
    ...filter,
    open: open ?? undefined,
    after: after ?? undefined,
    limit: limit === null ? undefined : limit + 1,
  });
  const page = limit === null ? rows : rows.slice(0, limit);
  const names = new Map<string, string>();
  const sessions: SessionListing[] = [];
  for (const session of page) {
    const known = names.get(session.providerId);
    const providerName =
      known ?? (await deps.database.stores.providers.findAnyById(session.providerId))?.profile.name ?? '';
    names.set(session.providerId, providerName);
    sessions.push({ session, providerName, isOpen: session.closedAt === null && session.expiresAt > now });
  }
  const last = page.at(-1);
  return { sessions, nextCursor: rows.length > page.length && last !== undefined ? last.sessionId : null };
}
