/**
 * What the claims of a user's token say, once its signature holds. Each check that fails has a fault of its own, so that
 * the audit log tells a stale token from a forged one.
 */
import { isJsonObject, type JsonObject } from './field-reader.js';
import { isClaimText, readClearance, readScopeText, readTenant, readTexts } from './user-claims-values.js';
import type { UserIssuer } from './user-issuer.js';
import { UserTokenError } from './user-token-error.js';
import type { UserTokenFault, VerifiedUser } from './verified-user.js';

export interface UserClaimsContext {
  readonly issuer: UserIssuer;
  /** The agent that shows the token. */
  readonly agentId: string;
  /** Our own issuer identifier, which `may_act` may name. */
  readonly publicUrl: string;
  readonly nowMs: number;
}

export interface UserClaims extends Omit<VerifiedUser, 'issuerId' | 'workspaceId' | 'replayKey'> {
  readonly tokenId: string | null;
}

/** How far the issuer's clock may be ahead of ours. */
const maxAheadSeconds = 30;

/** @throws UserTokenError */
export function readUserClaims(claims: JsonObject, context: UserClaimsContext): UserClaims {
  const { issuer } = context;
  if (get(claims, 'iss') !== issuer.issuer) throw new UserTokenError('unknown_issuer');
  checkKind(claims);
  checkAudience(claims, issuer.audience);
  const expiresAt = readExpiry(claims, context);
  checkActors(claims, context);
  return {
    issuer: issuer.issuer,
    subject: readSubject(claims),
    tenantId: usable(readTenant(get(claims, issuer.tenantClaim))),
    clearanceLevel: usable(readClearance(get(claims, issuer.clearanceClaim) ?? 0)),
    permissions: usable(readPermissions(claims, issuer)),
    expiresAt,
    tokenId: readTokenId(claims),
  };
}

function get(claims: JsonObject, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function usable<T>(value: T | undefined): T {
  if (value === undefined) throw new UserTokenError('bad_claim');
  return value;
}

function checkKind(claims: JsonObject): void {
  // RFC 7800: only who holds the key may use such a token, and an agent cannot show that the user does.
  if (get(claims, 'cnf') !== undefined) throw new UserTokenError('sender_constrained');
  // RFC 8725 section 2.8: a security event, such as a logout token, is signed by the same keys and proves no presence.
  if (get(claims, 'events') !== undefined) throw new UserTokenError('wrong_type');
}

function checkAudience(claims: JsonObject, audience: string): void {
  const given = get(claims, 'aud');
  const audiences: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (!audiences.includes(audience)) throw new UserTokenError('wrong_audience');
}

/** Unix seconds, rounded down. A token that never ends lives too long for any issuer. */
function readExpiry(claims: JsonObject, { issuer, nowMs }: UserClaimsContext): number {
  const now = nowMs / 1000;
  const end = readTime(claims, 'exp', 'lifetime_too_long');
  const expiresAt = Math.floor(end);
  if (expiresAt <= now) throw new UserTokenError('expired');
  const issuedAt = get(claims, 'iat') === undefined ? now : readTime(claims, 'iat');
  const notBefore = get(claims, 'nbf') === undefined ? now : readTime(claims, 'nbf');
  if (Math.max(issuedAt, notBefore) > now + maxAheadSeconds) throw new UserTokenError('not_yet_valid');
  if (end - issuedAt > issuer.maxLifetimeSeconds) throw new UserTokenError('lifetime_too_long');
  return expiresAt;
}

/** A NumericDate (RFC 7519, section 2). */
function readTime(claims: JsonObject, name: string, ifAbsent: UserTokenFault = 'bad_claim'): number {
  const value = get(claims, name);
  if (value === undefined) throw new UserTokenError(ifAbsent);
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new UserTokenError('bad_claim');
  return value;
}

function readSubject(claims: JsonObject): string {
  const subject = get(claims, 'sub') ?? '';
  if (subject === '') throw new UserTokenError('missing_subject');
  return usable(isClaimText(subject) ? subject : undefined);
}

function readPermissions(claims: JsonObject, { scopeClaim }: UserIssuer): readonly string[] | undefined {
  if (scopeClaim !== null) {
    const value = get(claims, scopeClaim) ?? [];
    return readScopeText(value) ?? readTexts(value);
  }
  const scope = get(claims, 'scope') ?? null;
  return scope === null ? readTexts(get(claims, 'permissions') ?? []) : readScopeText(scope);
}

function readTokenId(claims: JsonObject): string | null {
  const tokenId = get(claims, 'jti');
  if (tokenId === undefined) return null;
  return usable(typeof tokenId === 'string' && tokenId !== '' ? tokenId : undefined);
}

/**
 * RFC 8693, section 4.4: `may_act` names who may act for the user. Without it whoever the token was given to may, but
 * never with a token that somebody acts with already (`act`, section 4.1): we keep no chains of delegation.
 */
function checkActors(claims: JsonObject, context: UserClaimsContext): void {
  const mayAct = get(claims, 'may_act');
  const isForAgent = mayAct === undefined || (isJsonObject(mayAct) && namesAgent(mayAct, context));
  if (!isForAgent || get(claims, 'act') !== undefined) throw new UserTokenError('may_act_mismatch');
}

function namesAgent(mayAct: JsonObject, { agentId, publicUrl }: UserClaimsContext): boolean {
  const isAbsentOr = (name: string, expected: string) => (get(mayAct, name) ?? expected) === expected;
  return get(mayAct, 'sub') === agentId && isAbsentOr('iss', publicUrl) && isAbsentOr('client_id', agentId);
}
