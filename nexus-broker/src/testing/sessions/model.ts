/**
 * What there is in a run, and what its sessions are worth by the contract (gateway-v1.md, section 5; broker.md): sets and
 * maps, and rules that say what they mean. Written apart from the services, so that both can be wrong in different ways.
 */
import type { ProviderName } from './world-plan.js';

export interface Agent {
  readonly id: string;
  isRegistered: boolean;
  isActive: boolean;
  scopes: ReadonlySet<string>;
  /** Null allows all. */
  providers: ReadonlySet<ProviderName> | null;
}

export interface Key {
  readonly id: string;
  readonly value: string;
  readonly role: 'app' | 'operator' | 'admin' | 'auditor' | 'agent';
  /** Whose own key it is. */
  readonly agent: Agent | null;
  readonly expiresMs: number | null;
  isRevoked: boolean;
}

export interface Connection {
  readonly id: string;
  readonly ref: string;
  readonly workspace: string;
  readonly provider: ProviderName;
  readonly startedBy: Key | null;
  readonly asksForScopes: boolean;
  status: 'active' | 'pending' | 'attention' | 'revoked';
  granted: ReadonlySet<string>;
  /** What a read hands out. */
  secret: string;
  version: number;
}

export interface Issuer {
  readonly url: string;
  readonly workspaceFrom: 'sub' | 'tenant';
  readonly prefix: string;
  id: string;
  isRegistered: boolean;
}

export interface UserToken {
  readonly text: string;
  readonly issuer: Issuer;
  readonly subject: string;
  readonly tenant: string | null;
  readonly permissions: ReadonlySet<string>;
  readonly issuedSeconds: number;
  readonly expiresSeconds: number;
  /** The agent it names as actor; null lets anyone act. */
  readonly mayAct: string | null;
  /** Signed by its issuer for this service. */
  readonly isGenuine: boolean;
}

export interface Session {
  readonly id: string;
  readonly token: string;
  readonly agent: Agent;
  readonly key: Key;
  readonly connection: Connection;
  readonly scopes: ReadonlySet<string>;
  readonly user: UserToken | null;
  readonly expiresMs: number;
  /** Why it was closed; null while it was not. */
  end: string | null;
  /** Reads that were answered with a secret, and those of them whose secret can do more than the session. */
  disclosures: number;
  widerDisclosures: number;
}

export interface World {
  nowMs: number;
  readonly agents: Agent[];
  readonly keys: Key[];
  readonly connections: Connection[];
  readonly issuers: Issuer[];
  readonly sessions: Session[];
  readonly userTokens: UserToken[];
  /** User tokens that opened a session. */
  readonly spent: Set<UserToken>;
}

export interface OpenRequest {
  readonly key: Key | null;
  readonly agentId: string;
  /** A connection of the world, an id nobody has, or none named by id. */
  readonly byId: Connection | 'unknown' | null;
  readonly workspace: string | null;
  readonly provider: ProviderName | null;
  readonly ref: string | null;
  readonly scopes: readonly string[];
  readonly ttlSeconds: number | null;
  readonly user: UserToken | null;
}

/** The session's connection where it must be opened; else every code the refusal may have. */
export type Verdict = { readonly opens: Connection } | { readonly refusedWith: ReadonlySet<string> };

const maxUserTokenSeconds = 3_600;

export function isUsable(world: World, key: Key): boolean {
  return !key.isRevoked && (key.expiresMs === null || key.expiresMs > world.nowMs);
}

/** Several gates may refuse the same request, and the contract does not say which of them speaks first. */
export function judgeOpening(world: World, request: OpenRequest): Verdict {
  const { user } = request;
  const caller = judgeCaller(world, request.key, request.agentId);
  if (caller.length > 0) return refuse(caller);
  const agent = world.agents.find(({ id, isRegistered }) => isRegistered && id === request.agentId);
  if (agent === undefined) return refuse(['agent_not_found']);
  const codes: string[] = agent.isActive ? [] : ['agent_inactive'];
  const proven = user === null ? null : proveWorkspace(world, user, agent);
  if (user !== null && (proven === null || world.spent.has(user))) codes.push('invalid_user_context_token');
  // Nothing of a connection is told before the user is proven.
  if (user !== null && proven === null) return refuse(codes);
  const found = findConnection(world, request, proven);
  if (Array.isArray(found)) return refuse([...codes, ...found]);
  codes.push(...judgeScopes(agent, request, found));
  return codes.length > 0 ? refuse(codes) : { opens: found };
}

function refuse(codes: readonly string[]): Verdict {
  return { refusedWith: new Set(codes) };
}

function judgeCaller(world: World, key: Key | null, agentId: string): readonly string[] {
  if (key === null) return ['missing_api_key', 'forbidden'];
  if (!isUsable(world, key)) return ['invalid_api_key'];
  if (key.role === 'auditor') return ['forbidden'];
  return key.agent !== null && key.agent.id !== agentId ? ['forbidden'] : [];
}

/** The one workspace this token leads to; null where it proves nothing. */
function proveWorkspace(world: World, user: UserToken, agent: Agent): string | null {
  const { issuer } = user;
  if (!issuer.isRegistered || !user.isGenuine) return null;
  if (user.expiresSeconds * 1_000 <= world.nowMs) return null;
  if (user.expiresSeconds - user.issuedSeconds > maxUserTokenSeconds) return null;
  if (user.mayAct !== null && user.mayAct !== agent.id) return null;
  const claim = issuer.workspaceFrom === 'sub' ? user.subject : user.tenant;
  if (claim === null) return null;
  const workspace = issuer.prefix + claim;
  const isAnothers = world.issuers.some(
    ({ isRegistered, prefix }) => isRegistered && prefix.length > issuer.prefix.length && workspace.startsWith(prefix),
  );
  return isAnothers ? null : workspace;
}

function findConnection(world: World, request: OpenRequest, proven: string | null): Connection | string[] {
  const { key, byId, provider, ref } = request;
  const isVisible = ({ startedBy }: Connection) => key?.role !== 'app' || startedBy === key;
  const problems: string[] = [];
  if (proven !== null && request.workspace !== null && request.workspace !== proven) problems.push('forbidden');
  const workspace = proven ?? request.workspace;
  if (byId === null) {
    if (workspace === null || provider === null) problems.push('invalid_request');
    if (key?.role === 'agent' && proven === null) problems.push('forbidden');
  } else if (provider !== null || ref !== null || (proven === null && workspace !== null)) {
    problems.push('invalid_request');
  }
  if (problems.length > 0) return problems;
  if (byId !== null) {
    if (byId === 'unknown' || !isVisible(byId)) return ['connection_not_found'];
    return proven === null || byId.workspace === proven ? byId : ['connection_not_found'];
  }
  const matching = world.connections.filter(
    (connection) =>
      connection.workspace === workspace &&
      connection.provider === provider &&
      isOwner(connection.startedBy) &&
      isVisible(connection) &&
      (ref === null || connection.ref === ref),
  );
  return choose(matching);
}

/** Anybody else may start a connection for any workspace name, and has none to speak for. */
function isOwner(key: Key | null): boolean {
  return key !== null && ['app', 'operator', 'admin'].includes(key.role);
}

/** Active ones win over those that need attention, those over pending ones; of several equals none is chosen. */
function choose(matching: readonly Connection[]): Connection | string[] {
  for (const status of ['active', 'attention'] as const) {
    const [first, second] = matching.filter((connection) => connection.status === status);
    if (second !== undefined) return ['connection_ambiguous'];
    if (first !== undefined) return first;
  }
  return matching.find(({ status }) => status === 'pending') ?? ['connection_not_found'];
}

function judgeScopes(agent: Agent, { scopes, user }: OpenRequest, connection: Connection): readonly string[] {
  const codes: string[] = [];
  const lacks = (owned: ReadonlySet<string>) => scopes.some((scope) => !owned.has(scope));
  if (agent.providers !== null && !agent.providers.has(connection.provider)) codes.push('provider_not_allowed');
  if (lacks(agent.scopes)) codes.push('scope_not_allowed');
  if (user !== null && lacks(user.permissions)) codes.push('user_not_authorized_for_scope');
  const refusal = refusalOf(connection);
  if (refusal !== null) codes.push(refusal);
  else if (lacks(providerScopes(connection) ?? new Set(scopes))) codes.push('scope_not_granted');
  return codes;
}

function refusalOf({ status }: Connection): string | null {
  const refusals = {
    active: null,
    pending: 'connection_not_active',
    attention: 'attention_required',
    revoked: 'connection_revoked',
  };
  return refusals[status];
}

/** `disclosed`, or the code of the refusal; here the order is decided. */
export function judgeRead(world: World, session: Session): string {
  const { agent, key, connection, scopes, end, expiresMs } = session;
  if (!agent.isRegistered) return 'invalid_session_token';
  if (!agent.isActive) return 'agent_inactive';
  if (end !== null || expiresMs <= world.nowMs || !isUsable(world, key)) return 'invalid_session_token';
  if (agent.providers !== null && !agent.providers.has(connection.provider)) return 'provider_not_allowed';
  if ([...scopes].some((scope) => !agent.scopes.has(scope))) return 'scope_not_allowed';
  const refusal = refusalOf(connection);
  if (refusal !== null) return refusal;
  const granted = providerScopes(connection) ?? scopes;
  if ([...scopes].some((scope) => !granted.has(scope))) return 'scope_not_granted';
  return isWider(session) && connection.provider !== 'wide' ? 'cannot_narrow_token' : 'disclosed';
}

/** Null where the connection has none of its provider's: scopes are labels then. */
export function providerScopes({ provider, asksForScopes, granted }: Connection): ReadonlySet<string> | null {
  return provider === 'static' || (!asksForScopes && granted.size === 0) ? null : granted;
}

/** Whether the connection's own token can do more than the session may. */
export function isWider({ connection, scopes }: Session): boolean {
  return [...(providerScopes(connection) ?? [])].some((scope) => scope !== 'offline_access' && !scopes.has(scope));
}

/** What state and introspection say; the provider is not asked for that, so nobody knows yet whether it would narrow. */
export function isActive(world: World, session: Session): boolean {
  return ['disclosed', 'cannot_narrow_token'].includes(judgeRead(world, session));
}

/** An agent sees its own sessions, an application those it opened, an operator all. */
export function isVisible(key: Key, session: Session): boolean {
  if (key.role === 'agent') return key.agent === session.agent;
  return key.role === 'app' ? key === session.key : key.role !== 'auditor';
}

/** Neither closed nor run out; its key may be. */
export function isOpen(world: World, session: Session): boolean {
  return session.end === null && session.expiresMs > world.nowMs;
}

export function endSessions(world: World, end: string, matches: (session: Session) => boolean): void {
  for (const session of world.sessions) if (isOpen(world, session) && matches(session)) session.end = end;
}
