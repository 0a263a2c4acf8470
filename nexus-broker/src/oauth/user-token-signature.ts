import { compactVerify, errors } from 'jose';
import type { JsonObject } from '../domain/field-reader.js';
import type { UserIssuer } from '../domain/user-issuer.js';
import { UserTokenError } from '../domain/user-token-error.js';
import type { IssuerKeys, KeyHint } from './issuer-keys.js';
import type { CompactJws } from './user-token-shape.js';

/** Of access tokens (RFC 9068, section 2.1) and ID tokens; others signed by the same keys mean something else. */
const userTokenTypes = ['jwt', 'at+jwt'];

export interface SignedToken {
  readonly token: string;
  readonly jws: CompactJws;
  readonly issuer: UserIssuer;
}

/**
 * Proves that the issuer signed the token, with a key it publishes at its own address: whatever the token's header offers
 * as a key is not looked at (RFC 8725, section 3.10).
 *
 * @throws UserTokenError; NexusError `user_verification_unavailable`
 */
export async function verifySignature(keys: IssuerKeys, { token, jws, issuer }: SignedToken): Promise<void> {
  const hint = checkHeader(jws.header, issuer);
  const candidates = await keys.find(issuer, hint);
  if (candidates.length === 0) throw new UserTokenError('unknown_key');
  for (const key of candidates) {
    try {
      await compactVerify(token, key, { algorithms: [hint.alg] });
      return;
    } catch (error) {
      // A TypeError is what the library says of a key that is too short to be used.
      if (!(error instanceof errors.JOSEError) && !(error instanceof TypeError)) throw error;
    }
  }
  throw new UserTokenError('bad_signature');
}

function checkHeader(header: JsonObject, issuer: UserIssuer): KeyHint {
  const { alg, typ, kid = null } = header;
  const allowed = issuer.algorithms.find((name) => name === alg);
  if (allowed === undefined) throw new UserTokenError('algorithm_not_allowed');
  // RFC 7515, section 4.1.11: we understand no extension.
  if (Object.hasOwn(header, 'crit')) throw new UserTokenError('malformed');
  if (Object.hasOwn(header, 'typ') && !isUserTokenType(typ)) throw new UserTokenError('wrong_type');
  if (kid !== null && typeof kid !== 'string') throw new UserTokenError('malformed');
  return { alg: allowed, kid };
}

/** RFC 7515, section 4.1.9: a media type, whose `application/` may be left out. */
function isUserTokenType(typ: unknown): boolean {
  return typeof typ === 'string' && userTokenTypes.includes(typ.toLowerCase().replace(/^application\//, ''));
}
