/** Ends sessions, each with its own audit entry, in the transaction of whatever ends them. */
import type { AuditLog } from '../audit/audit-log.js';
import {
  type AgentSession,
  describeSession,
  describeSessionData,
  type SessionEnd,
  type SessionFilter,
} from '../domain/agent-session.js';
import type { AuditOrigin } from '../domain/audit-event.js';
import { type RequestContext, toAuditOrigin } from '../domain/request-context.js';
import type { Database, Stores } from '../stores/database.js';
import type { EndedTokens } from './ended-tokens.js';

interface EndSessionsInput {
  readonly filter: SessionFilter;
  readonly end: SessionEnd;
  readonly origin: AuditOrigin;
}

/** Inside a transaction; whoever commits it tells `EndedTokens` afterwards. */
export async function endSessions(
  stores: Stores,
  audit: AuditLog,
  { filter, end, origin }: EndSessionsInput,
): Promise<readonly AgentSession[]> {
  const ended = await stores.sessions.close(filter, end);
  await recordEnds(stores, audit, ended, origin);
  return ended;
}

export interface EndSessionsDeps {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly endedTokens: EndedTokens;
}

/** For every replica before it resolves; returns how many were open. */
export async function endSessionsNow(
  deps: EndSessionsDeps,
  input: Omit<EndSessionsInput, 'origin'>,
  context: RequestContext,
): Promise<number> {
  const origin = toAuditOrigin(context);
  const ended = await deps.database.transaction((stores) => endSessions(stores, deps.audit, { ...input, origin }));
  deps.endedTokens.discardSoon();
  return ended.length;
}

/** One entry for each session that has ended, whatever ended it. */
export async function recordEnds(
  stores: Stores,
  audit: AuditLog,
  sessions: readonly AgentSession[],
  origin: AuditOrigin,
): Promise<void> {
  const providers = new Map<string, string>();
  for (const { providerId } of sessions) {
    if (providers.has(providerId)) continue;
    const provider = await stores.providers.findAnyById(providerId);
    if (provider !== null) providers.set(providerId, provider.profile.name);
  }
  await stores.audit.insert(
    sessions.map((session) => audit.entry(toEndEvent(session, providers.get(session.providerId)), origin)),
  );
}

function toEndEvent(session: AgentSession, providerName: string | undefined) {
  const isExpiry = session.end === 'expired';
  return {
    eventType: isExpiry ? ('session.expired' as const) : ('session.closed' as const),
    outcome: 'success' as const,
    connectionRef: session.connectionRef,
    workspaceId: session.workspaceId,
    ...(providerName === undefined ? {} : { providerName }),
    ...describeSession(session),
    data: {
      ...describeSessionData(session),
      obo: session.onBehalfOf !== null,
      ...(isExpiry ? {} : { reason: session.end }),
    },
  };
}
