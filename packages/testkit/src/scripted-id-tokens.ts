/** Signs ID tokens as an honest provider would, and in every way a forger might. */
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { CompactSign, type JWK } from 'jose';

export type SigningAlgorithm = 'RS256' | 'ES256';
export type Claims = Readonly<Record<string, unknown>>;

export interface TokenSigner {
  readonly algorithm: SigningAlgorithm;
  readonly kid: string;
  /** For a JWKS document. */
  readonly publicJwk: JWK;
  /** PEM of the public key: the "secret" of an HS256 forgery. */
  readonly publicPem: string;
  /** `header` overrides members of the protected header; `kid: undefined` leaves it out. */
  sign(claims: Claims, header?: Readonly<Record<string, unknown>>): Promise<string>;
}

export function createTokenSigner(algorithm: SigningAlgorithm, kid: string): TokenSigner {
  const { privateKey, publicKey } =
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    algorithm,
    kid,
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: algorithm } as JWK,
    publicPem: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    sign: (claims, header = {}) => signCompact(privateKey, claims, { alg: algorithm, kid, typ: 'JWT', ...header }),
  };
}

async function signCompact(key: KeyObject, claims: Claims, header: Readonly<Record<string, unknown>>): Promise<string> {
  const present = Object.fromEntries(Object.entries(header).filter(([, value]) => value !== undefined));
  return new CompactSign(Buffer.from(JSON.stringify(claims))).setProtectedHeader(present as { alg: string }).sign(key);
}

/** `alg: none` (RFC 7515 appendix A.5), with an empty signature. */
export function forgeUnsigned(claims: Claims, algorithm = 'none'): string {
  return `${encode({ alg: algorithm, typ: 'JWT' })}.${encode(claims)}.`;
}

/** HS256 keyed with whatever the forger knows, such as the public key or the client secret. */
export function forgeSymmetric(claims: Claims, secret: string, kid?: string): string {
  const input = `${encode({ alg: 'HS256', typ: 'JWT', ...(kid === undefined ? {} : { kid }) })}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

/** The same token with another signature of the right length. */
export function breakSignature(token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  bytes.writeUInt8(bytes.readUInt8(10) ^ 1, 10);
  return `${header}.${payload}.${bytes.toString('base64url')}`;
}

/** The same signature over other claims. */
export function replaceClaims(token: string, claims: Claims): string {
  const [header = '', , signature = ''] = token.split('.');
  return `${header}.${encode(claims)}.${signature}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
