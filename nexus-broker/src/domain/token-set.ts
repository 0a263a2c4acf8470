import { createHash } from 'node:crypto';
import type { OauthCredential } from './credential.js';

/** A token endpoint's answer that RFC 6749 section 5.1 does not allow. Nothing of it is kept. */
export class TokenAnswerError extends Error {
  override readonly name = 'TokenAnswerError';
}

interface TokenAnswerContext {
  /** The scope an answer without one means: what was asked for, or on a refresh what was granted before. */
  readonly impliedScope: string;
  /** When the answer arrived, in Unix milliseconds. */
  readonly receivedMs: number;
  /** What the provider's tokens are whatever the answer says; left out where that is Bearer, or the answer is unusable. */
  readonly tokenType?: string | null;
  /**
   * Whether a refresh token was spent for the answer: its tokens may be the only ones left, so no more is asked of what
   * stands beside them.
   */
  readonly isRefresh?: boolean;
}

/** No provider means a longer lifetime than this; the bound keeps arithmetic far from the ends of numbers and dates. */
export const maxLifetimeSeconds = 10 * 365 * 24 * 3600;

/** What a token is given whose end is past when it comes, where it is kept all the same: time to use it and to renew it. */
export const leastLifetimeSeconds = 60;

/**
 * Normalises a token answer. `refreshToken` and `idToken` are null when the answer has none; on a refresh
 * `mergeRefreshed` then keeps the old ones. Throws TokenAnswerError, whose message holds nothing of the answer.
 */
export function readTokenAnswer(answer: unknown, context: TokenAnswerContext): OauthCredential {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    throw new TokenAnswerError('the answer is not a JSON object');
  }
  const fields = answer as Readonly<Record<string, unknown>>;
  const read = <T>(member: () => T, otherwise: T): T => {
    try {
      return member();
    } catch (error) {
      if (context.isRefresh !== true) throw error;
      return otherwise;
    }
  };
  const lifetime = read(() => readLifetime(fields['expires_in']), leastLifetimeSeconds);
  const impliedScope = normalizeScope(context.impliedScope);
  return {
    kind: 'oauth2',
    accessToken: readAccessToken(fields['access_token']),
    refreshToken: readOptionalToken(fields['refresh_token']),
    tokenType: context.tokenType ?? readTokenType(fields['token_type']),
    idToken: read(() => readOptionalToken(fields['id_token']), null),
    scope: read(() => boundScope(readScope(fields['scope']) ?? impliedScope), impliedScope),
    expiresAt: lifetime === null ? null : Math.floor(context.receivedMs / 1000) + lifetime,
  };
}

/** RFC 6749 section 6: without a new refresh token the old one stays valid, and must not be lost; nor must its history. */
export function mergeRefreshed(previous: OauthCredential, refreshed: OauthCredential): OauthCredential {
  const { origins, consentedAt } = previous;
  return {
    ...refreshed,
    refreshToken: refreshed.refreshToken ?? previous.refreshToken,
    idToken: refreshed.idToken ?? previous.idToken,
    ...(origins === undefined ? {} : { origins }),
    ...(consentedAt === undefined ? {} : { consentedAt }),
  };
}

const maxScopes = 200;
const maxScopeLength = 255;

/** Scopes are written to the log and shown in answers, so a provider may not make them as long as it likes. */
function boundScope(scope: string): string {
  const scopes = splitScope(scope);
  if (scopes.length > maxScopes || scopes.some((name) => name.length > maxScopeLength)) {
    throw new TokenAnswerError('the scope is longer than any real one');
  }
  return scope;
}

/** Any run of spaces or commas separates scopes; the result is in the form of RFC 6749 section 3.3. */
export function normalizeScope(scope: string): string {
  return splitScope(scope).join(' ');
}

export function splitScope(scope: string): string[] {
  return [...new Set(scope.split(/[\s,]+/).filter((name) => name !== ''))];
}

/**
 * The moment (Unix milliseconds) from which a read starts a refresh, or null where the token names no end. It lies at
 * 70 to 85 % of the lifetime, spread by a hash so that grants issued together do not refresh together, and at least
 * five minutes before the end where the lifetime is longer than fifteen.
 */
export function refreshAfter(
  issuedMs: number,
  expiresAt: number | null,
  connectionRef: string,
  version: number,
): number | null {
  if (expiresAt === null) return null;
  const expiresMs = expiresAt * 1000;
  const lifetimeMs = Math.max(0, expiresMs - issuedMs);
  const digest = createHash('sha256').update(`${connectionRef}:${version}`, 'utf8').digest();
  const share = 0.7 + 0.15 * (digest.readUInt32BE(0) / 2 ** 32);
  const dueMs = issuedMs + lifetimeMs * share;
  const latestMs = lifetimeMs > 15 * 60_000 ? expiresMs - 5 * 60_000 : expiresMs;
  return Math.floor(Math.min(dueMs, latestMs));
}

function readAccessToken(value: unknown): string {
  const token = readOptionalToken(value);
  if (token === null) throw new TokenAnswerError('the answer has no access token');
  return token;
}

/** Some providers send `null` or `""` where they mean that there is none. */
function readOptionalToken(value: unknown): string | null {
  if (value === undefined || value === null || value === '') return null;
  // RFC 6749 appendix A.12: a token is visible ASCII. Anything else could not be sent in a header.
  if (typeof value !== 'string' || !/^[\x20-\x7e]+$/.test(value)) {
    throw new TokenAnswerError('a token of the answer is not a string of visible characters');
  }
  return value;
}

/** RFC 6749 section 7.1: a token of a type we do not understand must not be used. A missing type means Bearer. */
function readTokenType(value: unknown): string {
  if (value === undefined || value === null || value === '') return 'Bearer';
  if (typeof value === 'string' && value.toLowerCase() === 'bearer') return 'Bearer';
  throw new TokenAnswerError('the token type is not Bearer');
}

function readScope(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return normalizeScope(value);
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return normalizeScope(value.join(' '));
  throw new TokenAnswerError('the scope is neither a string nor a list of strings');
}

/** Seconds; null when the answer names no usable end. A token that has ended already is no answer at all. */
function readLifetime(value: unknown): number | null {
  const isNumeric = typeof value === 'number' || (typeof value === 'string' && /^\s*[-+]?\d[\d.eE+-]*\s*$/.test(value));
  const seconds = isNumeric ? Number(value) : Number.NaN;
  if (!Number.isFinite(seconds)) return null;
  if (seconds <= 0) throw new TokenAnswerError('the token has already expired');
  return Math.min(Math.max(1, Math.floor(seconds)), maxLifetimeSeconds);
}
