/** What can be told of a user's token before anything of it is proven: enough to decide who may see it. */
import { isUtf8 } from 'node:buffer';
import { looksLikeToken, readTokenPrefix } from '@nexus/core/tokens';
import { isJsonObject, type JsonObject } from '../domain/field-reader.js';
import { isClaimText } from '../domain/user-claims-values.js';
import { UserTokenError } from '../domain/user-token-error.js';

const maxTokenLength = 16_384;
const maxIssuerLength = 512;
/** A token names one issuer, or repeats it in its header; each one named costs a query. */
const maxClaimedIssuers = 4;

export interface CompactJws {
  readonly header: JsonObject;
  readonly claims: JsonObject;
  /** Header and payload as they are signed (RFC 7515, section 5.1). */
  readonly signingInput: string;
}

/** @throws UserTokenError `not_a_user_token`, `malformed` for what is no bearer token (RFC 6750, section 2.1). */
export function checkTokenText(token: string): void {
  if (holdsOwnToken(token)) throw new UserTokenError('not_a_user_token');
  if (token.length > maxTokenLength || !/^[\w.~+/-]+=*$/.test(token)) throw new UserTokenError('malformed');
}

/** In base64url of this length our shape turns up by chance once in some thousand tokens; there the checksum decides. */
function holdsOwnToken(token: string): boolean {
  if (!looksLikeToken(token)) return false;
  if (readJsonPart(token.split('.', 1)[0] ?? '') === null) return true;
  const candidates = token.matchAll(/(?=(nx[a-z]_[0-9A-Za-z]{49}))/g);
  return [...candidates].some(([, candidate = '']) => readTokenPrefix(candidate) !== null);
}

/**
 * Every issuer that a lenient parser would find named in the token: in the parts of a JWS, in the header of a JWE, between
 * delimiters of any kind. The keys of a registered issuer may have signed it, and such a token is not for others to see.
 * Whoever holds a token can spoil it beyond recognition; it is then no longer what the issuer signed.
 *
 * @throws UserTokenError `malformed` when it names more issuers than a token can have.
 */
export function listClaimedIssuers(token: string): readonly string[] {
  const found = new Set<string>();
  for (const [part] of token.matchAll(/[\w+/-]{12,}/g)) {
    const issuer = readJsonPart(part)?.['iss'];
    if (isClaimText(issuer, maxIssuerLength)) found.add(issuer);
  }
  if (found.size > maxClaimedIssuers) throw new UserTokenError('malformed');
  return [...found];
}

/** @throws UserTokenError `malformed` for anything but a JWS in compact form whose payload is a JSON object. */
export function readCompactJws(token: string): CompactJws {
  const [header = '', payload = '', signature, ...rest] = token.split('.');
  const parts = { header: readJsonPart(header), claims: readJsonPart(payload) };
  if (parts.header === null || parts.claims === null) throw new UserTokenError('malformed');
  const isExact = rest.length === 0 && signature !== undefined && [header, payload, signature].every(isCanonical);
  if (!isExact || ![header, payload].every(isText)) throw new UserTokenError('malformed');
  return { header: parts.header, claims: parts.claims, signingInput: `${header}.${payload}` };
}

function readJsonPart(part: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** The one spelling of these bytes: a second one would be a second token to whoever compares texts. */
function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part;
}

/** Broken UTF-8 would be repaired silently, and two subjects could become one. */
function isText(part: string): boolean {
  return isUtf8(Buffer.from(part, 'base64url'));
}
