/** Sessions: how far an agent may go with one connection, for how long, and what ends it. */
import type { Instant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { SealedBlob } from '@nexus/vault/vault';
import type { Agent } from './agent.js';
import type { Connection } from './connection.js';
import { isOauth, type ProviderProfile } from './provider.js';
import type { VerifiedUser } from './verified-user.js';

export type SessionEnd =
  | 'closed'
  | 'closed_by_admin'
  | 'expired'
  | 'agent_deactivated'
  | 'agent_deregistered'
  | 'key_revoked'
  | 'key_expired'
  | 'connection_revoked'
  | 'issuer_deleted';

/** The delegation a session records: the user's `{ iss, sub }` (RFC 8693); the actor is the session's agent. */
export type OnBehalfOf = Pick<VerifiedUser, 'issuer' | 'subject' | 'tenantId' | 'clearanceLevel'>;

export interface AgentSession {
  /** `sess_` and a ULID; names the session and opens nothing. */
  readonly sessionId: string;
  /** SHA-256 of the session token, hex. */
  readonly tokenHash: string;
  readonly agentId: string;
  /** The key that opened it: when that key ends, so does the session. */
  readonly openedBy: string;
  readonly connectionRef: string;
  readonly providerId: string;
  readonly workspaceId: string;
  readonly scopes: readonly string[];
  readonly onBehalfOf: OnBehalfOf | null;
  /** By the database's clock, as are `expiresAt` and `closedAt`. */
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
  readonly closedAt: Instant | null;
  readonly end: SessionEnd | null;
  /** A token the provider minted for this session alone; null where none was needed yet. */
  readonly sealedToken: SealedBlob | null;
  /** Counts the tokens minted for it; the sealed one is bound to it. */
  readonly tokenVersion: number;
  /** Origin of the token endpoint that minted it. */
  readonly tokenOrigin: string;
}

/** Which sessions are meant: those that match every field that is there. */
export interface SessionFilter {
  readonly sessionId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly connectionRef?: string | undefined;
  readonly openedBy?: string | undefined;
  readonly userIssuer?: string | undefined;
  readonly userSubject?: string | undefined;
}

export const defaultSessionSeconds = 900;

/**
 * Scopes the provider granted; null where the connection has none of the provider's: with a static key, or where none were
 * ever asked for. Scopes that were asked for and are gone are an empty list, which allows nothing.
 */
export function grantedScopes(connection: Connection, profile: ProviderProfile): readonly string[] | null {
  const granted = connection.grantedScopes ?? [];
  const isScopeless = granted.length === 0 && connection.requestedScopes.length === 0;
  return !isOauth(profile) || isScopeless ? null : granted;
}

/** @throws NexusError `scope_not_allowed`, naming what the agent lacks. */
export function requireAllowedScopes(agent: Agent, scopes: readonly string[]): void {
  const lacking = scopes.filter((scope) => !agent.allowedScopes.includes(scope));
  if (lacking.length > 0) {
    throw new NexusError('scope_not_allowed', `This agent is not allowed ${list(lacking)}.`);
  }
}

/** @throws NexusError `user_not_authorized_for_scope`. */
export function requireUserScopes(user: VerifiedUser, scopes: readonly string[]): void {
  const lacking = scopes.filter((scope) => !user.permissions.includes(scope));
  if (lacking.length > 0) {
    throw new NexusError('user_not_authorized_for_scope', `The token of the user does not carry ${list(lacking)}.`);
  }
}

/** Where the connection has no provider scopes, scopes are labels and nothing is to be compared. @throws NexusError `scope_not_granted`. */
export function requireGrantedScopes(granted: readonly string[] | null, scopes: readonly string[]): void {
  if (granted === null) return;
  const lacking = scopes.filter((scope) => !granted.includes(scope));
  if (lacking.length > 0) {
    throw new NexusError('scope_not_granted', `This connection was not granted ${list(lacking)}.`);
  }
}

/** What the connection's own token can do beyond the session; `offline_access` says nothing about an access token. */
export function widerScopes(granted: readonly string[] | null, scopes: readonly string[]): readonly string[] {
  return (granted ?? []).filter((scope) => scope !== 'offline_access' && !scopes.includes(scope));
}

/** How an audit entry names the session it is about. */
export function describeSession({ agentId, sessionId, onBehalfOf }: AgentSession) {
  return { agentId, sessionId, ...(onBehalfOf === null ? {} : { actingFor: onBehalfOf.subject }) };
}

/** What every entry about the use or end of a session tells beside. */
export function describeSessionData({ scopes, openedBy, onBehalfOf }: AgentSession) {
  return { scopes: [...scopes], opened_by: openedBy, tenant_id: onBehalfOf?.tenantId ?? null };
}

function list(scopes: readonly string[]): string {
  const shown = scopes.slice(0, 5).map((scope) => `\`${scope}\``);
  return shown.join(', ') + (scopes.length > shown.length ? ', …' : '');
}
