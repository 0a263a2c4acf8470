import { createCookieJar } from '@nexus/testkit/cookie-jar';
import { type RunningOpenidProvider, startOpenidProvider } from '@nexus/testkit/openid-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Provider, ProviderProfile } from '../domain/provider.js';
import type { ConnectedAccount } from './connect-account.js';
import { codeVerifier, createProvider, createTestClient, type TestClient } from './provider-fixture.js';

const redirectUri = 'http://127.0.0.1:1/auth/callback/test';

describe('provider client with a real authorization server', () => {
  let upstream: RunningOpenidProvider;
  let client: TestClient;

  beforeAll(async () => {
    upstream = await startOpenidProvider({
      clients: (['client_secret_basic', 'client_secret_post', 'none'] as const).map((authMethod) => ({
        clientId: authMethod,
        authMethod,
        redirectUris: [redirectUri],
      })),
      scopes: ['files.read', 'files.write'],
    });
    client = createTestClient();
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await upstream.close();
  });

  const secretsOf = (clientId: string) => [
    upstream.clients.find((entry) => entry.clientId === clientId)?.clientSecret ?? '',
  ];

  function createDiscovered(changes: Partial<ProviderProfile> = {}): Provider {
    return createProvider({
      issuer: upstream.issuer,
      enableDiscovery: true,
      clientId: 'client_secret_basic',
      params: { prompt: 'consent' },
      ...changes,
    });
  }

  interface ConnectOptions {
    readonly login?: string;
    readonly scopes?: readonly string[];
    readonly clientSecrets?: readonly string[];
    readonly refuseScopes?: readonly string[];
    readonly alter?: (callback: URL) => void;
    readonly nonceAtCallback?: string;
    readonly verifierAtCallback?: string;
  }

  async function connect(provider: Provider, options: ConnectOptions = {}): Promise<ConnectedAccount> {
    const flow = {
      provider,
      clientSecrets: options.clientSecrets ?? secretsOf(provider.profile.clientId ?? ''),
      redirectUri,
      state: 'state-1',
      codeVerifier,
      nonce: 'nonce-1',
      scopes: options.scopes ?? ['openid', 'offline_access', 'files.read'],
      loginHint: null,
    };
    const authorizationUrl = await client.buildAuthorizationUrl(flow);
    const { login = 'ann', refuseScopes = [] } = options;
    const jar = createCookieJar();
    const callback = new URL(await upstream.consentAs(authorizationUrl, { login, refuseScopes, cookieJar: jar }));
    options.alter?.(callback);
    return client.exchangeCode({
      ...flow,
      codeVerifier: options.verifierAtCallback ?? codeVerifier,
      nonce: options.nonceAtCallback ?? flow.nonce,
      parameters: [...callback.searchParams],
    });
  }

  it.each(['client_secret_basic', 'client_secret_post', 'none'] as const)(
    'connects, refreshes and revokes with %s',
    async (method) => {
      const provider = createDiscovered({ clientId: method, tokenEndpointAuthMethod: method });
      const connected = await connect(provider, { scopes: ['openid', 'email', 'offline_access', 'files.read'] });
      expect(connected).toMatchObject({
        issuedOrigin: upstream.issuer,
        subject: 'ann',
        label: 'ann@example.test',
        tokenSet: { tokenType: 'Bearer', refreshToken: expect.any(String), idToken: expect.any(String) },
      });
      expect(await upstream.isTokenActive(connected.tokenSet.accessToken)).toBe(true);
      const call = {
        provider,
        clientSecrets: secretsOf(method),
        refreshToken: connected.tokenSet.refreshToken ?? '',
        scope: connected.tokenSet.scope,
        issuedOrigin: connected.issuedOrigin,
      };
      const refreshed = await client.refreshGrant(call);
      expect(refreshed).toMatchObject({ kind: 'refreshed', isRotated: true, tokenSet: { idToken: null } });
      const reused = await client.refreshGrant(call);
      expect(reused).toMatchObject({ kind: 'failed', failure: { class: 'final', upstreamError: 'invalid_grant' } });

      const other = await connect(provider);
      const { accessToken } = other.tokenSet;
      const revocation = { ...call, token: accessToken, hint: 'access_token' as const };
      expect(await client.revokeToken(revocation)).toEqual({ outcome: 'revoked', mayPass: false });
      expect(upstream.revokedTokens()).toContain(accessToken);
      expect(await client.revokeToken(revocation)).toEqual({ outcome: 'revoked', mayPass: false });
    },
  );

  it('keeps what was granted, not what was asked for', async () => {
    const { tokenSet } = await connect(createDiscovered(), {
      scopes: ['openid', 'files.read', 'files.write'],
      refuseScopes: ['files.write'],
    });
    expect(tokenSet.scope.split(' ').sort()).toEqual(['files.read', 'openid']);
  });

  it('tries the client secrets in order until one is accepted', async () => {
    const [valid = ''] = secretsOf('client_secret_basic');
    const provider = createDiscovered();
    const before = upstream.tokenRequests().token['authorization_code'] ?? 0;
    const { tokenSet } = await connect(provider, { clientSecrets: ['outdated', valid, 'never-tried'] });
    expect(tokenSet.accessToken).not.toBe('');
    expect((upstream.tokenRequests().token['authorization_code'] ?? 0) - before).toBe(2);
    const failed = await client.refreshGrant({
      provider,
      clientSecrets: ['outdated', 'older'],
      refreshToken: tokenSet.refreshToken ?? '',
      scope: tokenSet.scope,
      issuedOrigin: upstream.issuer,
    });
    expect(failed).toMatchObject({ failure: { class: 'configuration', upstreamError: 'invalid_client' } });
    const none = { provider, clientSecrets: [], refreshToken: 'x', scope: '', issuedOrigin: upstream.issuer };
    expect(await client.refreshGrant(none)).toMatchObject({ failure: { class: 'configuration', upstreamError: null } });
  });

  it.each([
    ['H7: iss is of another server', (callback: URL) => callback.searchParams.set('iss', 'https://evil.example')],
    ['H7: iss is missing though the metadata promise it', (callback: URL) => callback.searchParams.delete('iss')],
    ['H7: iss is doubled', (callback: URL) => callback.searchParams.append('iss', 'https://evil.example')],
    ['H5: state is another', (callback: URL) => callback.searchParams.set('state', 'other')],
    ['H5: state is missing', (callback: URL) => callback.searchParams.delete('state')],
    ['H5: state is doubled', (callback: URL) => callback.searchParams.append('state', 'state-1')],
    ['H4: the code is doubled', (callback: URL) => callback.searchParams.append('code', 'theirs')],
    ['H4: the code is missing', (callback: URL) => callback.searchParams.delete('code')],
    [
      'H7: the answer speaks for another server and of an error',
      (callback: URL) => {
        callback.searchParams.set('iss', 'https://evil.example');
        callback.searchParams.set('error', 'access_denied');
      },
    ],
  ])('refuses without a token request when %s', async (_case, alter) => {
    const before = upstream.tokenRequests();
    await expect(connect(createDiscovered(), { alter })).rejects.toMatchObject({ stage: 'verification' });
    expect(upstream.tokenRequests().token).toEqual(before.token);
  });

  it('H4: PKCE makes the provider refuse a code of another flow', async () => {
    await expect(connect(createDiscovered(), { verifierAtCallback: 'w'.repeat(43) })).rejects.toMatchObject({
      stage: 'exchange',
      failure: { class: 'final', upstreamError: 'invalid_grant', upstreamStatus: 400 },
    });
  });

  it('H10: refuses a nonce of another flow', async () => {
    await expect(connect(createDiscovered(), { nonceAtCallback: 'other' })).rejects.toMatchObject({
      stage: 'verification',
    });
  });

  it('H11: reports a refusal by its code, and drops the description unread', async () => {
    const refused = connect(createDiscovered(), {
      alter: (callback) => {
        callback.searchParams.delete('code');
        callback.searchParams.set('error', 'access_denied');
        callback.searchParams.set('error_description', '<script>alert(1)</script>');
      },
    });
    const error: unknown = await refused.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ stage: 'authorization', failure: { upstreamError: 'access_denied' } });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('script');
    for (const word of ['<script>', 'x'.repeat(65), 'a\r\nb', 'ä']) {
      const hostile = connect(createDiscovered(), { alter: (callback) => callback.searchParams.set('error', word) });
      await expect(hostile).rejects.toMatchObject({ stage: 'authorization', failure: { upstreamError: null } });
    }
  });

  it('without a configured issuer, drops iss and the ID token unread', async () => {
    const provider = createProvider({
      authUrl: `${upstream.issuer}/auth`,
      tokenUrl: `${upstream.issuer}/token`,
      clientId: 'client_secret_basic',
      params: { prompt: 'consent' },
    });
    const { tokenSet, subject, label } = await connect(provider, {
      alter: (callback) => callback.searchParams.set('iss', 'https://evil.example'),
    });
    expect({ subject, label, idToken: tokenSet.idToken }).toEqual({ subject: null, label: null, idToken: null });
  });

  it('with exposed ID tokens, keeps a verified one of a refresh', async () => {
    const provider = createDiscovered({ exposeIdToken: true });
    const { tokenSet } = await connect(provider);
    const call = { provider, clientSecrets: secretsOf('client_secret_basic'), scope: tokenSet.scope };
    const first = await client.refreshGrant({
      ...call,
      refreshToken: tokenSet.refreshToken ?? '',
      issuedOrigin: upstream.issuer,
      expectedSubject: 'ann',
    });
    if (first.kind === 'failed') throw new Error('the refresh failed');
    expect(first.tokenSet.idToken).toEqual(expect.any(String));
    const second = await client.refreshGrant({
      ...call,
      refreshToken: first.tokenSet.refreshToken ?? '',
      issuedOrigin: upstream.issuer,
      expectedSubject: 'somebody-else',
    });
    expect(second).toMatchObject({ kind: 'refreshed', tokenSet: { idToken: null, refreshToken: expect.any(String) } });
  });

  it('S-9: sends a refresh token or a revocation to no other origin than the one that issued it', async () => {
    const provider = createDiscovered();
    const before = upstream.tokenRequests();
    const call = { provider, clientSecrets: ['x'], issuedOrigin: 'https://earlier.example', scope: '' };
    expect(await client.refreshGrant({ ...call, refreshToken: 'secret' })).toMatchObject({
      kind: 'failed',
      failure: { class: 'origin_changed' },
    });
    expect(await client.revokeToken({ ...call, token: 'secret', hint: 'refresh_token' })).toEqual({
      outcome: 'origin_changed',
      mayPass: false,
    });
    expect(upstream.tokenRequests()).toEqual({ ...before, discovery: before.discovery + 1 });
    expect((await client.trustedOrigins(provider))[0]).toBe(upstream.issuer);
  });
});
