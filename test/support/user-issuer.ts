/** An identity provider that signs user tokens with keys of its own, registered at a stack. */
import { randomUUID } from 'node:crypto';
import { type Claims, createTokenSigner, type SigningAlgorithm } from '@nexus/testkit/scripted-id-tokens';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import type { Stack } from './stack.js';

export interface UserIssuer {
  readonly server: ScriptedProvider;
  readonly issuer: string;
  readonly audience: string;
  readonly publicPem: string;
  readonly kid: string;
  /** Id of the registered issuer. */
  readonly id: string;
  /** Claims of a token that is fit: `sub`, five minutes of life and a new `jti`, changed as given. */
  claims(changes: Claims): Claims;
  /** A token with those claims; `header` changes the protected header, and `undefined` leaves a member out. */
  sign(changes: Claims, header?: Readonly<Record<string, unknown>>): Promise<string>;
  close(): Promise<void>;
}

interface UserIssuerOptions {
  readonly algorithm?: SigningAlgorithm;
  /** Changes of what is registered. */
  readonly registration?: Readonly<Record<string, unknown>>;
}

export async function startUserIssuer(stack: Stack, options: UserIssuerOptions = {}): Promise<UserIssuer> {
  const server = await startScriptedProvider();
  const signer = createTokenSigner(options.algorithm ?? 'RS256', 'user-key');
  const audience = 'nexus';
  server.answer('/jwks', { body: { keys: [signer.publicJwk] } });
  const body = { issuer: server.origin, jwks_uri: server.url('/jwks'), audience, ...options.registration };
  const created = await stack.broker('POST', '/admin/v1/issuers', { body });
  if (created.status !== 201) throw new Error(`no issuer: ${JSON.stringify(created.body)}`);
  const claims = (changes: Claims): Claims => {
    const now = Math.floor(Date.now() / 1_000);
    return { iss: server.origin, aud: audience, iat: now, exp: now + 300, jti: randomUUID(), ...changes };
  };
  return {
    server,
    issuer: server.origin,
    audience,
    publicPem: signer.publicPem,
    kid: signer.kid,
    id: created.body.id,
    claims,
    sign: (changes, header) => signer.sign(claims(changes), header),
    close: () => server.close(),
  };
}
