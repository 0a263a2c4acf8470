import { createHash } from 'node:crypto';
import {
  breakSignature,
  type Claims,
  createTokenSigner,
  forgeSymmetric,
  forgeUnsigned,
  replaceClaims,
  type TokenSigner,
} from '@nexus/testkit/scripted-id-tokens';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Provider } from '../domain/provider.js';
import type { ConnectedAccount } from './connect-account.js';
import { codeVerifier, createProvider, createTestClient, secrets, type TestClient } from './provider-fixture.js';

const nonce = 'the-nonce';
const code = 'the-code';
const accessToken = 'the-access-token';
const hash = (value: string, digest: string) => {
  const bytes = createHash(digest).update(value).digest();
  return bytes.subarray(0, bytes.length / 2).toString('base64url');
};

describe('H10: ID tokens', () => {
  const rsa = createTokenSigner('RS256', 'rsa');
  const ec = createTokenSigner('ES256', 'ec');
  const stranger = createTokenSigner('RS256', 'rsa');
  const unknown = createTokenSigner('RS256', 'unknown');
  let upstream: ScriptedProvider;
  let client: TestClient;
  let provider: Provider;

  beforeAll(async () => {
    upstream = await startScriptedProvider();
    client = createTestClient();
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await upstream.close();
  });
  beforeEach(() => {
    upstream.publishMetadata();
    publishKeys(rsa, ec);
    provider = createProvider({ issuer: upstream.origin, enableDiscovery: true, scopes: ['openid'] });
  });

  function publishKeys(...signers: readonly TokenSigner[]): void {
    upstream.answer('/jwks', { body: { keys: signers.map((signer) => signer.publicJwk) } });
  }

  function createClaims(changes: Claims = {}): Claims {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: upstream.origin,
      aud: 'client',
      sub: 'person-1',
      iat: now,
      exp: now + 300,
      nonce,
      ...changes,
    };
    return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
  }

  function exchange(idToken: unknown, scopes: readonly string[] = ['openid']): Promise<ConnectedAccount> {
    upstream.answer('/token', { body: { access_token: accessToken, token_type: 'Bearer', id_token: idToken } });
    return client.exchangeCode({
      provider,
      clientSecrets: secrets,
      parameters: [
        ['code', code],
        ['state', 'the-state'],
      ],
      redirectUri: 'https://nexus.example/auth/callback/test',
      state: 'the-state',
      codeVerifier,
      nonce,
      scopes,
    });
  }

  const hour = 3600;
  const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

  it.each<readonly [string, () => Promise<string>]>([
    ['RS256', () => rsa.sign(createClaims())],
    ['ES256', () => ec.sign(createClaims())],
    ['without kid, where one key fits', () => ec.sign(createClaims(), { kid: undefined })],
    ['an audience list of one', () => rsa.sign(createClaims({ aud: ['client'] }))],
    ['two audiences and our azp', () => rsa.sign(createClaims({ aud: ['client', 'other'], azp: 'client' }))],
    ['expired within the clock tolerance', () => rsa.sign(createClaims({ exp: inSeconds(-10) }))],
    ['issued a few minutes ahead of our clock', () => rsa.sign(createClaims({ iat: inSeconds(120) }))],
    [
      'the right at_hash and c_hash',
      () => rsa.sign(createClaims({ at_hash: hash(accessToken, 'sha256'), c_hash: hash(code, 'sha256') })),
    ],
  ])('accepts %s', async (_case, sign) => {
    expect((await exchange(await sign())).subject).toBe('person-1');
  });

  it.each<readonly [string, () => Promise<unknown> | unknown]>([
    ['no ID token although openid was asked for', () => undefined],
    ['an empty one', () => ''],
    ['one that is no token', () => 'a.b'],
    ['one that is no JSON', () => 'YQ.YQ.YQ'],
    ['alg none', () => forgeUnsigned(createClaims())],
    ['alg None', () => forgeUnsigned(createClaims(), 'None')],
    [
      'alg missing',
      async () =>
        `${Buffer.from('{}').toString('base64url')}.${(await rsa.sign(createClaims())).split('.').slice(1).join('.')}`,
    ],
    ['HS256 keyed with the RSA key', () => forgeSymmetric(createClaims(), rsa.publicPem, 'rsa')],
    ['HS256 keyed with the client secret', () => forgeSymmetric(createClaims(), 'secret')],
    ['a broken RS256 signature', async () => breakSignature(await rsa.sign(createClaims()))],
    ['a broken ES256 signature', async () => breakSignature(await ec.sign(createClaims()))],
    [
      'other claims under a good signature',
      async () => replaceClaims(await rsa.sign(createClaims()), createClaims({ sub: 'person-2' })),
    ],
    ['another key under a known kid', () => stranger.sign(createClaims())],
    ['an unknown kid', () => unknown.sign(createClaims())],
    ['an algorithm the key is not for', () => rsa.sign(createClaims(), { alg: 'PS256' })],
    ['a critical header extension', () => rsa.sign(createClaims(), { crit: ['b64'], b64: true })],
    ['another issuer', () => rsa.sign(createClaims({ iss: 'https://evil.example' }))],
    ['the issuer with a slash', () => rsa.sign(createClaims({ iss: `${upstream.origin}/` }))],
    ['no issuer', () => rsa.sign(createClaims({ iss: undefined }))],
    ['another audience', () => rsa.sign(createClaims({ aud: 'other' }))],
    ['no audience', () => rsa.sign(createClaims({ aud: undefined }))],
    ['a list of other audiences', () => rsa.sign(createClaims({ aud: ['other'] }))],
    ['a second audience without azp', () => rsa.sign(createClaims({ aud: ['client', 'other'] }))],
    ['a foreign azp', () => rsa.sign(createClaims({ aud: ['client', 'other'], azp: 'other' }))],
    ['no subject', () => rsa.sign(createClaims({ sub: undefined }))],
    ['a subject that is no string', () => rsa.sign(createClaims({ sub: 7 }))],
    ['expired', () => rsa.sign(createClaims({ exp: inSeconds(-hour) }))],
    ['no expiry', () => rsa.sign(createClaims({ exp: undefined }))],
    ['an expiry that is no number', () => rsa.sign(createClaims({ exp: '9999999999' }))],
    ['not valid yet', () => rsa.sign(createClaims({ nbf: inSeconds(hour) }))],
    ['issued in the future', () => rsa.sign(createClaims({ iat: inSeconds(hour) }))],
    ['issued a week ago', () => rsa.sign(createClaims({ iat: inSeconds(-7 * 24 * hour) }))],
    ['no issue time', () => rsa.sign(createClaims({ iat: undefined }))],
    ['another nonce', () => rsa.sign(createClaims({ nonce: 'other' }))],
    ['no nonce', () => rsa.sign(createClaims({ nonce: undefined }))],
    ['a wrong at_hash', () => rsa.sign(createClaims({ at_hash: hash('other', 'sha256') }))],
    ['an at_hash of another digest', () => rsa.sign(createClaims({ at_hash: hash(accessToken, 'sha512') }))],
    ['a wrong c_hash', () => rsa.sign(createClaims({ c_hash: hash('other', 'sha256') }))],
  ])('refuses %s', async (_case, create) => {
    await expect(exchange(await create())).rejects.toMatchObject({ stage: 'verification' });
  });

  it('refuses algorithms that metadata offer and nobody may use', async () => {
    upstream.publishMetadata({ id_token_signing_alg_values_supported: ['none', 'HS256', 'RS256'] });
    for (const token of [forgeUnsigned(createClaims()), forgeSymmetric(createClaims(), rsa.publicPem, 'rsa')]) {
      await expect(exchange(token)).rejects.toMatchObject({ stage: 'verification' });
    }
    await expect(exchange(await ec.sign(createClaims()))).rejects.toMatchObject({ stage: 'verification' });
    expect((await exchange(await rsa.sign(createClaims()))).subject).toBe('person-1');
  });

  it('without kid and with several keys that fit, refuses rather than guesses', async () => {
    publishKeys(rsa, unknown);
    await expect(exchange(await rsa.sign(createClaims(), { kid: undefined }))).rejects.toMatchObject({
      stage: 'verification',
    });
    expect((await exchange(await rsa.sign(createClaims()))).subject).toBe('person-1');
  });

  it('follows a key rotation between two flows, and asks for the keys no more than needed', async () => {
    const before = upstream.requests('/jwks').length;
    const asked = () => upstream.requests('/jwks').length - before;
    await exchange(await rsa.sign(createClaims()));
    await exchange(await ec.sign(createClaims()));
    expect(asked()).toBe(1);
    publishKeys(unknown);
    expect((await exchange(await unknown.sign(createClaims()))).subject).toBe('person-1');
    expect(asked()).toBe(2);
    const tokenRequests = upstream.requests('/token').length;
    await expect(exchange(await ec.sign(createClaims()))).rejects.toMatchObject({ stage: 'verification' });
    expect(asked()).toBe(3);
    expect(upstream.requests('/token').length - tokenRequests).toBe(1);
  });

  it.each([
    ['500', { status: 500 }],
    ['HTML', { body: '<html>', headers: { 'content-type': 'text/html' } }],
    ['no list of keys', { body: { keys: {} } }],
    ['a redirect', { status: 302, headers: { location: '/second' } }],
    ['a dropped connection', { drop: 'before' as const }],
    ['an endless body', { endless: 'chunks' as const }],
  ])('fails closed when the key set is %s', async (_case, answer) => {
    upstream.answer('/jwks', answer);
    await expect(exchange(await rsa.sign(createClaims()))).rejects.toMatchObject({ stage: 'verification' });
    expect(upstream.requests('/second')).toHaveLength(0);
  });

  it('S-4: fails closed when the key set is at a private address', async () => {
    upstream.publishMetadata({ jwks_uri: 'https://10.0.0.1/jwks' });
    await expect(exchange(await rsa.sign(createClaims()))).rejects.toMatchObject({ stage: 'discovery' });
  });

  it('drops an ID token nobody asked for, unread', async () => {
    const { tokenSet, subject } = await exchange('rubbish', ['files.read']);
    expect([tokenSet.idToken, subject]).toEqual([null, null]);
  });
});
