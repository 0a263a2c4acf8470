import { createTokenSigner } from '@nexus/testkit/scripted-id-tokens';
import { type Script, type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveApiUrl } from '../domain/api-url.js';
import type { ProviderProfile } from '../domain/provider.js';
import { codeVerifier, createProvider, createTestClient, secrets, type TestClient } from './provider-fixture.js';

describe('account of a connection', () => {
  const signer = createTokenSigner('ES256', 'k');
  let upstream: ScriptedProvider;
  let client: TestClient;

  beforeAll(async () => {
    upstream = await startScriptedProvider();
    upstream.publishMetadata();
    upstream.answer('/jwks', { body: { keys: [signer.publicJwk] } });
    client = createTestClient();
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await upstream.close();
  });

  async function connect(profile: Partial<ProviderProfile>, idTokenClaims: object | null = null) {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: upstream.origin, aud: 'client', iat: now, exp: now + 60, nonce: 'n', ...idTokenClaims };
    const idToken = idTokenClaims === null ? {} : { id_token: await signer.sign(claims) };
    upstream.answer('/token', { body: { access_token: 'the-token', ...idToken } });
    const { subject, label } = await client.exchangeCode({
      provider: createProvider({ authUrl: upstream.url('/authorize'), tokenUrl: upstream.url('/token'), ...profile }),
      clientSecrets: secrets,
      parameters: [
        ['code', 'c'],
        ['state', 's'],
      ],
      redirectUri: 'https://nexus.example/auth/callback/test',
      state: 's',
      codeVerifier,
      nonce: 'n',
      scopes: idTokenClaims === null ? ['read'] : ['openid'],
    });
    return { subject, label };
  }

  const openid = () => ({ issuer: upstream.origin, enableDiscovery: true, authUrl: null, tokenUrl: null });
  const plain = (answer: Script) => {
    upstream.answer('/api/user', answer);
    return connect({ userInfoEndpoint: '/user', apiBaseUrl: upstream.url('/api/') });
  };

  it('takes subject and label of the ID token, without another call', async () => {
    const before = upstream.requests('/userinfo').length;
    expect(await connect(openid(), { sub: 'u1', email: 'u1@example.test' })).toEqual({
      subject: 'u1',
      label: 'u1@example.test',
    });
    expect(upstream.requests('/userinfo')).toHaveLength(before);
  });

  it('completes the label from the userinfo endpoint', async () => {
    upstream.answer('/userinfo', { body: { sub: 'u1', preferred_username: 'ann' } });
    expect(await connect(openid(), { sub: 'u1' })).toEqual({ subject: 'u1', label: 'ann' });
    expect(upstream.requests('/userinfo').at(-1)?.headers['authorization']).toBe('Bearer the-token');
  });

  it('H10: a userinfo answer about somebody else fails verification', async () => {
    upstream.answer('/userinfo', { body: { sub: 'somebody-else', email: 'x@example.test' } });
    await expect(connect(openid(), { sub: 'u1' })).rejects.toMatchObject({ stage: 'verification' });
  });

  it.each<readonly [string, Script, object]>([
    ['GitHub', { body: { id: 42, login: 'ann', email: null, name: 'Ann' } }, { subject: '42', label: 'ann' }],
    ['a subject in another member', { body: { user_id: 'U1', name: 'Ann' } }, { subject: 'U1', label: 'Ann' }],
    ['an id that is no safe integer', { body: { id: 1e300, name: 'Ann' } }, { subject: null, label: 'Ann' }],
    [
      'disguised text',
      { body: { id: 'a\u0000', email: 'a\u202e@example.test', name: 'x'.repeat(256) } },
      { subject: null, label: null },
    ],
    ['a list', { body: [{ id: 1 }] }, { subject: null, label: null }],
    ['an error', { status: 500 }, { subject: null, label: null }],
    ['S-3: a redirect', { status: 302, headers: { location: '/elsewhere' } }, { subject: null, label: null }],
    ['a drop', { drop: 'before' }, { subject: null, label: null }],
    ['an endless body', { endless: 'chunks' }, { subject: null, label: null }],
  ])('reads a provider without OpenID Connect, best effort: %s', async (_case, answer, account) => {
    expect(await plain(answer)).toEqual(account);
    expect(upstream.requests('/elsewhere')).toHaveLength(0);
  });

  it('S-4: a private userinfo endpoint is not called', async () => {
    expect(await connect({ userInfoEndpoint: 'https://10.0.0.1/user' })).toEqual({ subject: null, label: null });
  });

  it('resolves paths below the API base and nowhere else', () => {
    const resolve = (apiBaseUrl: string | null, path: string) => resolveApiUrl({ apiBaseUrl }, path);
    expect(resolve('https://api.example/v1', '/user')).toBe('https://api.example/v1/user');
    expect(resolve('https://api.example/v1/', 'user?x=1')).toBe('https://api.example/v1/user?x=1');
    expect(resolve('https://api.example', '@evil.example/')).toBe('https://api.example/@evil.example/');
    expect(resolve('https://api.example', '//evil.example/')).toBe('https://api.example/evil.example/');
    expect(resolve(null, 'https://other.example/me')).toBe('https://other.example/me');
    expect(resolve(null, '/user')).toBeNull();
    expect(() => resolve('not a url', '/user')).toThrow();
  });
});
