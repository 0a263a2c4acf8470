/** Opens a session: who may, at which connection, how far and for how long. Both kinds of session come this way. */
import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { createUlid } from '@nexus/core/ids';
import { createToken, hashToken } from '@nexus/core/tokens';
import { getProviderOf, requireActive } from '../../disclosure/active-connection.js';
import type { FindByIdDeps } from '../../disclosure/get-connection-by-id.js';
import { type Agent, requireActiveAgent, requireAllowedProvider } from '../../domain/agent.js';
import {
  type AgentSession,
  defaultSessionSeconds,
  describeSession,
  grantedScopes,
  requireAllowedScopes,
  requireGrantedScopes,
  requireUserScopes,
} from '../../domain/agent-session.js';
import type { Principal } from '../../domain/api-key.js';
import type { Connection } from '../../domain/connection.js';
import type { Provider } from '../../domain/provider.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { UserTokenError } from '../../domain/user-token-error.js';
import type { VerifiedUser } from '../../domain/verified-user.js';
import type { Stores } from '../../stores/database.js';
import { findSessionConnection, type SessionSelector } from './find-session-connection.js';
import { noteSessionRefusal, type SessionAttempt } from './note-session-refusal.js';

export interface OpenSessionDeps extends FindByIdDeps {
  readonly clock: Clock;
  /** Open sessions one key may have. */
  readonly sessionCapPerKey: number;
}

export interface OpenSessionInput extends SessionSelector {
  readonly agentId: string;
  readonly scopes: readonly string[];
  readonly ttlSeconds: number | null;
}

export interface OpenedSession {
  readonly session: AgentSession;
  /** The session token, known to nobody else from here on. */
  readonly token: string;
}

/** How the caller proves for whom the agent acts; null for a session of the agent's own. */
export type ProveUser = ((agent: Agent) => Promise<VerifiedUser>) | null;

export async function openSession(
  deps: OpenSessionDeps,
  input: OpenSessionInput,
  proveUser: ProveUser,
  context: RequestContext,
  route: string,
): Promise<OpenedSession> {
  const attempt: SessionAttempt = { scopes: input.scopes, isObo: proveUser !== null, route };
  return noteSessionRefusal(deps.audit, attempt, context, async () => {
    const principal = requirePrincipal(context, input.agentId);
    const agent = await deps.database.stores.agents.find(input.agentId);
    if (agent === null) throw new NexusError('agent_not_found', 'No agent has this id.');
    attempt.agent = agent;
    requireActiveAgent(agent);
    const user = proveUser === null ? null : await proveUser(agent);
    attempt.user = user;
    const connection = await findSessionConnection(deps, input, user, context, route);
    attempt.connection = connection;
    const scopes = [...new Set(input.scopes)];
    const provider = await getProviderOf(deps.database, connection);
    attempt.provider = provider;
    await requireScopes(deps, { agent, user, connection, provider, scopes });
    const opened = await plan(deps, { ...input, scopes, agent, user, connection, provider, principal });
    await store(deps, { ...opened, provider, user, route, context });
    return opened;
  });
}

/** An agent's own key speaks for that agent alone. */
function requirePrincipal({ principal }: RequestContext, agentId: string): Principal {
  if (principal === null) throw new NexusError('missing_api_key', 'This operation needs a key.');
  if (principal.role === 'agent' && principal.agentId !== agentId) {
    throw new NexusError('forbidden', 'This key belongs to another agent; use the key of the agent you name.');
  }
  return principal;
}

interface Subject {
  readonly agent: Agent;
  readonly user: VerifiedUser | null;
  readonly connection: Connection;
  readonly provider: Provider;
  readonly scopes: readonly string[];
}

/** Every scope passes every gate: the agent's, the user's, the connection's. */
async function requireScopes(deps: OpenSessionDeps, subject: Subject): Promise<void> {
  const { agent, user, connection, scopes } = subject;
  const { profile } = subject.provider;
  requireAllowedProvider(agent, profile.name);
  requireAllowedScopes(agent, scopes);
  if (user !== null) requireUserScopes(user, scopes);
  const active = await requireActive(deps.database, connection);
  requireGrantedScopes(grantedScopes(active, profile), scopes);
}

async function plan(
  deps: OpenSessionDeps,
  input: Subject & { readonly ttlSeconds: number | null; readonly principal: Principal },
): Promise<OpenedSession> {
  const { agent, user, connection, scopes } = input;
  const createdAt = await deps.database.now();
  const latestMs = Date.parse(createdAt) + (input.ttlSeconds ?? defaultSessionSeconds) * 1_000;
  const expiresMs = user === null ? latestMs : Math.min(latestMs, user.expiresAt * 1_000);
  if (expiresMs <= Date.parse(createdAt)) throw new UserTokenError('expired');
  const token = createToken('nxs');
  return {
    token,
    session: {
      sessionId: `sess_${createUlid(deps.clock.now())}`,
      tokenHash: hashToken(token),
      agentId: agent.agentId,
      openedBy: input.principal.keyId,
      connectionRef: connection.connectionRef,
      providerId: connection.providerId,
      workspaceId: connection.workspaceId,
      scopes,
      onBehalfOf:
        user === null
          ? null
          : {
              issuer: user.issuer,
              subject: user.subject,
              tenantId: user.tenantId,
              clearanceLevel: user.clearanceLevel,
            },
      createdAt,
      expiresAt: toInstant(expiresMs),
      closedAt: null,
      end: null,
      sealedToken: null,
      tokenVersion: 0,
      tokenOrigin: '',
    },
  };
}

interface StoreInput {
  readonly session: AgentSession;
  readonly provider: Provider;
  readonly user: VerifiedUser | null;
  readonly route: string;
  readonly context: RequestContext;
}

/**
 * Whatever would end the session is held while it is stored, so that an end at the same moment either prevents it or
 * finds it.
 */
async function store(deps: OpenSessionDeps, input: StoreInput): Promise<void> {
  const { session, user, route, context } = input;
  await deps.database.transaction(async (stores) => {
    await holdGrounds(stores, session, deps.sessionCapPerKey);
    if (user !== null) await spendUserToken(stores, user);
    await stores.sessions.insert(session);
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'session.created',
          outcome: 'success',
          connectionRef: session.connectionRef,
          providerName: input.provider.profile.name,
          workspaceId: session.workspaceId,
          ...describeSession(session),
          data: {
            scopes: [...session.scopes],
            expires_at: session.expiresAt,
            obo: user !== null,
            route,
            ...(user === null ? {} : describeDelegation(user, session.agentId)),
          },
        },
        toAuditOrigin(context),
      ),
    ]);
  });
}

/** RFC 8693, section 4.1: the subject, and the one who acts for it. */
function describeDelegation(user: VerifiedUser, agentId: string) {
  return {
    sub: { iss: user.issuer, sub: user.subject },
    act: { sub: agentId },
    tenant_id: user.tenantId,
    clearance_level: user.clearanceLevel,
    user_token_expires_at: user.expiresAt,
  };
}

async function holdGrounds(stores: Stores, session: AgentSession, cap: number): Promise<void> {
  const agent = await stores.agents.hold(session.agentId);
  if (agent === null) throw new NexusError('agent_not_found', 'No agent has this id.');
  requireActiveAgent(agent);
  requireAllowedScopes(agent, session.scopes);
  if (!(await stores.keys.holdUsable(session.openedBy, session.createdAt))) {
    throw new NexusError('invalid_api_key', 'This key was revoked or has expired.');
  }
  // Counted while the key is held, so that any number of requests at once share one count.
  if ((await stores.sessions.countOpen({ openedBy: session.openedBy })) >= cap) {
    throw new NexusError('rate_limited', 'This key has too many open sessions; close some.', { retryAfter: 60 });
  }
  if (!(await stores.connections.holdActive(session.connectionRef))) {
    throw new NexusError('connection_not_active', 'The connection has just changed; try again.');
  }
}

/** What the verification endpoint vouches for, it also decides how often. */
async function spendUserToken(stores: Stores, { issuerId, replayKey, expiresAt }: VerifiedUser): Promise<void> {
  if (issuerId === null || replayKey === null) return;
  if (!(await stores.userIssuers.hold(issuerId))) throw new UserTokenError('unknown_issuer');
  const isFirst = await stores.usedUserTokens.spend(replayKey, toInstant(expiresAt * 1_000));
  if (!isFirst) throw new UserTokenError('replayed');
}
