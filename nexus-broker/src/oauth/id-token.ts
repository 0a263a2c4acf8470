/** The checks of an ID token that openid-client leaves to its caller in the code flow. */
import { createHash } from 'node:crypto';
import { systemClock } from '@nexus/core/clock';
import type { IDToken } from 'openid-client';

/** How far a provider's clock may be ahead of ours. */
const maxAheadSeconds = 300;
const maxAgeSeconds = 24 * 3600;

interface IdTokenInput {
  readonly idToken: string;
  readonly claims: IDToken;
  readonly accessToken: string;
  /** The authorization code; null on a refresh. */
  readonly code: string | null;
}

/** Throws when the issue time is not of these days, or a hash binds the ID token to another access token or code. */
export function checkIdToken(input: IdTokenInput): void {
  // openid-client judges `exp` by the system clock; `iat` is judged by the same one.
  const nowSeconds = systemClock.now() / 1000;
  const { iat } = input.claims;
  if (iat > nowSeconds + maxAheadSeconds) throw new Error('the ID token was issued in the future');
  if (iat < nowSeconds - maxAgeSeconds) throw new Error('the ID token was issued long ago');
  checkHash(input, { claim: 'at_hash', value: input.accessToken });
  if (input.code !== null) checkHash(input, { claim: 'c_hash', value: input.code });
}

/** OpenID Connect Core 3.1.3.8 and 3.3.2.11: the left half of the digest that the signature algorithm names. */
function checkHash(input: IdTokenInput, { claim, value }: { claim: 'at_hash' | 'c_hash'; value: string }): void {
  const expected = input.claims[claim];
  if (expected === undefined) return;
  const digest = createHash(readDigest(input.idToken)).update(value, 'ascii').digest();
  if (digest.subarray(0, digest.length / 2).toString('base64url') !== expected) {
    throw new Error(`the ${claim} of the ID token does not match`);
  }
}

function readDigest(idToken: string): string {
  const header: unknown = JSON.parse(Buffer.from(idToken.split('.')[0] ?? '', 'base64url').toString('utf8'));
  const algorithm = typeof header === 'object' && header !== null && 'alg' in header ? String(header.alg) : '';
  // RFC 8037: Ed25519 signs with SHA-512.
  return algorithm.startsWith('Ed') ? 'sha512' : `sha${algorithm.slice(-3)}`;
}
