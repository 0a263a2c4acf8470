import { createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProvider, createTestClient, type TestClient } from './provider-fixture.js';

let upstream: ScriptedProvider;
let client: TestClient;

beforeAll(async () => {
  upstream = await startScriptedProvider();
  upstream.answer('/token', { body: { access_token: 'fixture-a' } });
  client = createTestClient();
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await upstream.close();
});

function refresh(clientSecrets: readonly string[], issuer: string | null = null) {
  return client.refreshGrant({
    provider: createProvider({
      authUrl: upstream.url('/authorize'),
      tokenUrl: upstream.url('/token'),
      tokenEndpointAuthMethod: 'private_key_jwt',
      issuer,
    }),
    clientSecrets,
    refreshToken: 'fixture-r',
    scope: '',
    issuedOrigin: upstream.origin,
  });
}

function readAssertion(): {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
  signed: string;
  signature: Buffer;
} {
  const form = upstream.requests('/token').at(-1)?.form;
  expect(form?.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
  expect(form?.has('client_secret')).toBe(false);
  const [header = '', claims = '', signature = ''] = (form?.get('client_assertion') ?? '').split('.');
  const decode = (part: string) =>
    JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>;
  return {
    header: decode(header),
    claims: decode(claims),
    signed: `${header}.${claims}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

const toPem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const toJwk = (key: KeyObject, changes: JsonWebKey) => JSON.stringify({ ...key.export({ format: 'jwk' }), ...changes });

describe('a client that proves itself by its private key (RFC 7523)', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const ed25519 = generateKeyPairSync('ed25519').privateKey;

  it.each([
    ['an RSA key in PEM', toPem(rsa), { alg: 'RS256' }],
    ['an RSA key as JWK with its own words', toJwk(rsa, { alg: 'PS256', kid: 'k1' }), { alg: 'PS256', kid: 'k1' }],
    ['an elliptic curve', toPem(p256), { alg: 'ES256' }],
    ['an elliptic curve as JWK', toJwk(p256, { kid: 'k2' }), { alg: 'ES256', kid: 'k2' }],
    ['an Edwards curve', toPem(ed25519), { alg: 'Ed25519' }],
  ])('%s', async (_case, secret, header) => {
    expect(await refresh([secret])).toMatchObject({ kind: 'refreshed' });
    const assertion = readAssertion();
    expect(assertion.header).toMatchObject(header);
    expect(assertion.claims).toMatchObject({ iss: 'client', sub: 'client', aud: upstream.url('/token') });
  });

  it('signs with that key, for the issuer where there is one', async () => {
    await refresh([toPem(rsa)], 'https://issuer.example');
    const { claims, signed, signature } = readAssertion();
    expect(claims['aud']).toBe('https://issuer.example');
    expect(verify('sha256', Buffer.from(signed), createPublicKey(rsa), signature)).toBe(true);
  });

  it.each([
    ['a password', 'fixture-secret'],
    ['a broken key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'],
    ['a broken JWK', '{"kty":"RSA"}'],
  ])('sends nothing for %s, which is a matter of configuration', async (_case, secret) => {
    const before = upstream.requests('/token').length;
    expect(await refresh([secret])).toMatchObject({ kind: 'failed', failure: { class: 'configuration' } });
    expect(upstream.requests('/token')).toHaveLength(before);
  });
});
