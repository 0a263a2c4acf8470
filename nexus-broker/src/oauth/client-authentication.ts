/** How our client proves itself at a provider's endpoints. */
import { createPrivateKey, type KeyObject, webcrypto } from 'node:crypto';
import * as openid from 'openid-client';
import type { ProviderProfile } from '../domain/provider.js';
import type { AuthorizationServer } from './authorization-server.js';
import { createFailure, ProviderCallError } from './provider-error.js';

/** Throws ProviderCallError `configuration` for a secret that is not the private key it should be. */
export async function createClientAuthentication(
  { tokenEndpointAuthMethod: method }: Pick<ProviderProfile, 'tokenEndpointAuthMethod'>,
  { hasIssuer, tokenEndpoint }: Pick<AuthorizationServer, 'hasIssuer' | 'tokenEndpoint'>,
  secret: string,
): Promise<openid.ClientAuth> {
  if (method === 'none') return openid.None();
  if (method === 'client_secret_basic') return openid.ClientSecretBasic(secret);
  if (method === 'client_secret_post') return openid.ClientSecretPost(secret);
  return openid.PrivateKeyJwt(await readPrivateKey(secret), {
    // RFC 7523 section 3: a server without an issuer knows itself by its token endpoint.
    [openid.modifyAssertion]: (_header, payload) => {
      if (!hasIssuer) payload['aud'] = tokenEndpoint;
    },
  });
}

type Import = Parameters<typeof webcrypto.subtle.importKey>[2];

/** A PKCS#8 PEM (RFC 5958) or a JWK (RFC 7517), whose `alg` and `kid` are kept. */
async function readPrivateKey(secret: string): Promise<openid.PrivateKey> {
  try {
    const jwk = secret.trimStart().startsWith('{') ? readJwk(secret) : null;
    const key = createPrivateKey(jwk === null ? secret : { key: jwk, format: 'jwk' });
    const der = key.export({ type: 'pkcs8', format: 'der' });
    const imported = await webcrypto.subtle.importKey('pkcs8', der, chooseAlgorithm(key, jwk?.['alg']), false, [
      'sign',
    ]);
    const kid = jwk?.['kid'];
    return { key: imported, ...(typeof kid === 'string' ? { kid } : {}) };
  } catch {
    // Without the cause: a parser's message may quote what it could not read.
    const cause = new Error('the client secret is no private key');
    throw new ProviderCallError('exchange', { failure: createFailure('configuration'), cause });
  }
}

function readJwk(text: string): webcrypto.JsonWebKey & Record<string, unknown> {
  return JSON.parse(text) as webcrypto.JsonWebKey & Record<string, unknown>;
}

/** RS256, or PS256 where a JWK says so; for elliptic curves their own. */
function chooseAlgorithm(key: KeyObject, alg: unknown): Import {
  const named = typeof alg === 'string' ? /^([RP])S(256|384|512)$/.exec(alg) : null;
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return { name: named?.[1] === 'P' ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash: `SHA-${named?.[2] ?? '256'}` };
    case 'ec':
      return { name: 'ECDSA', namedCurve: curves[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? '' };
    case 'ed25519':
      return { name: 'Ed25519' };
    default:
      throw new TypeError('a key of this type does not sign client assertions');
  }
}

const curves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };
