import { type RunningOpenidProvider, startOpenidProvider } from '@nexus/testkit/openid-provider';
import { type Script, type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OauthCredential } from '../domain/credential.js';
import type { DownscopeMethod, Provider, ProviderProfile } from '../domain/provider.js';
import type { MintedToken } from './narrow-token.js';
import type { FailedCall } from './provider-client.js';
import { codeVerifier, createProvider, createTestClient, secrets, type TestClient } from './provider-fixture.js';

const redirectUri = 'http://127.0.0.1:1/auth/callback/test';
const allScopes = ['openid', 'offline_access', 'files.read', 'files.write'];

describe.each([true, false])('narrowing by refresh at a real authorization server, rotation %s', (rotates) => {
  let upstream: RunningOpenidProvider;
  let client: TestClient;
  let provider: Provider;

  beforeAll(async () => {
    upstream = await startOpenidProvider({
      clients: [{ clientId: 'client', redirectUris: [redirectUri] }],
      scopes: ['files.read', 'files.write'],
      rotateRefreshToken: rotates,
    });
    client = createTestClient();
    const profile = { issuer: upstream.issuer, enableDiscovery: true, params: { prompt: 'consent' } };
    provider = createProvider({ ...profile, exposeIdToken: true });
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await upstream.close();
  });

  const clientSecrets = () => [upstream.clients[0]?.clientSecret ?? ''];

  async function connect(): Promise<OauthCredential & { readonly refreshToken: string }> {
    const flow = {
      provider,
      clientSecrets: clientSecrets(),
      redirectUri,
      state: 'state-1',
      codeVerifier,
      nonce: 'nonce-1',
      scopes: allScopes,
      loginHint: null,
    };
    const callback = await upstream.consentAs(await client.buildAuthorizationUrl(flow), { login: 'ann' });
    const { tokenSet } = await client.exchangeCode({ ...flow, parameters: [...new URL(callback).searchParams] });
    return { ...tokenSet, refreshToken: tokenSet.refreshToken ?? '' };
  }

  const narrow = (token: string, scopes: readonly string[]) =>
    client.narrowToken({
      provider,
      clientSecrets: clientSecrets(),
      via: 'refresh',
      token,
      scopes,
      issuedOrigin: upstream.issuer,
    });

  async function minted(token: string, scopes: readonly string[]): Promise<MintedToken> {
    const answer = await narrow(token, scopes);
    if (answer.kind === 'failed') throw new Error(`refused: ${answer.failure.upstreamError}`);
    return answer;
  }

  it('mints a token that can do no more, and leaves the one at hand as it was', async () => {
    const own = await connect();
    const answer = await minted(own.refreshToken, ['files.read']);
    expect(answer).toMatchObject({
      issuedOrigin: upstream.issuer,
      tokenSet: { scope: 'files.read', refreshToken: null, idToken: null, expiresAt: expect.any(Number) },
    });
    expect(await upstream.introspect(answer.tokenSet.accessToken)).toMatchObject({ active: true, scope: 'files.read' });
    const ownScope = String((await upstream.introspect(own.accessToken))['scope']);
    expect(ownScope.split(' ').sort()).toEqual([...allScopes].sort());
  });

  it('leaves a refresh token that still brings every scope, whether it is a new one or the old', async () => {
    const own = await connect();
    const first = await minted(own.refreshToken, ['files.read']);
    expect(first.rotatedRefreshToken === null).toBe(!rotates);
    const second = await minted(first.rotatedRefreshToken ?? own.refreshToken, ['files.write']);
    const refreshed = await client.refreshGrant({
      provider,
      clientSecrets: clientSecrets(),
      refreshToken: second.rotatedRefreshToken ?? own.refreshToken,
      scope: own.scope,
      issuedOrigin: upstream.issuer,
    });
    if (refreshed.kind === 'failed') throw new Error('the refresh failed');
    expect(refreshed.tokenSet.scope.split(' ').sort()).toEqual([...allScopes].sort());
    expect(await upstream.introspect(first.tokenSet.accessToken)).toMatchObject({ scope: 'files.read' });
  });

  it('is refused a scope beyond the grant, and spends nothing by asking', async () => {
    const own = await connect();
    expect(await narrow(own.refreshToken, ['files.read', 'files.delete'])).toMatchObject({
      kind: 'failed',
      failure: { upstreamError: 'invalid_scope', upstreamStatus: 400 },
    });
    expect((await minted(own.refreshToken, ['files.read'])).tokenSet.scope).toBe('files.read');
  });
});

describe('narrowing at a scripted provider', () => {
  const nowMs = 1_700_000_000_000;
  let upstream: ScriptedProvider;
  let client: TestClient;

  beforeAll(async () => {
    upstream = await startScriptedProvider();
    client = createTestClient({ timeouts: { totalMs: 300 } }, { clock: { now: () => nowMs } });
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await upstream.close();
  });

  function narrow(
    via: DownscopeMethod,
    answer: Script,
    profile: Partial<ProviderProfile> = {},
  ): Promise<MintedToken | FailedCall> {
    upstream.answer('/token', answer);
    return client.narrowToken({
      provider: createProvider({ authUrl: upstream.url('/authorize'), tokenUrl: upstream.url('/token'), ...profile }),
      clientSecrets: secrets,
      via,
      token: 'token-at-hand',
      scopes: ['read', 'list'],
      issuedOrigin: upstream.origin,
    });
  }

  const sentForm = () => Object.fromEntries(upstream.requests('/token').at(-1)?.form ?? []);

  it('asks by RFC 6749 section 6 with the scopes in the way of the profile', async () => {
    await narrow('refresh', { body: { access_token: 'narrow' } });
    const form = { grant_type: 'refresh_token', refresh_token: 'token-at-hand', scope: 'read list' };
    expect(sentForm()).toEqual(form);
    await narrow('refresh', { body: { access_token: 'narrow' } }, { scopeSeparator: ',' });
    expect(sentForm()).toEqual({ ...form, scope: 'read,list' });
  });

  it('asks by RFC 8693 section 2.1 with the parameters it names and no other', async () => {
    await narrow('token_exchange', { body: { access_token: 'narrow' } });
    expect(sentForm()).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 'token-at-hand',
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      scope: 'read list',
    });
    expect(upstream.requests('/token').at(-1)?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('client:secret').toString('base64')}`,
      'user-agent': 'nexus-broker',
    });
  });

  it.each(['refresh', 'token_exchange'] as const)(
    '%s: tells the scope of the answer, also a wider one',
    async (via) => {
      const scopeOf = async (scope?: unknown) => {
        const answer = await narrow(via, {
          body: { access_token: 'narrow', ...(scope === undefined ? {} : { scope }) },
        });
        return answer.kind === 'minted' ? answer.tokenSet.scope : answer.failure;
      };
      expect(await scopeOf()).toBe('read list');
      expect(await scopeOf('read')).toBe('read');
      expect(await scopeOf(['read', 'list', 'write'])).toBe('read list write');
    },
  );

  it('a refresh token belongs to the connection, or to what was exchanged', async () => {
    const body = { access_token: 'narrow', refresh_token: 'r2', id_token: 'x', expires_in: 60, token_type: 'Bearer' };
    const tokenSet = {
      kind: 'oauth2',
      accessToken: 'narrow',
      refreshToken: null,
      tokenType: 'Bearer',
      idToken: null,
      scope: 'read list',
      expiresAt: nowMs / 1_000 + 60,
    };
    const answer = { kind: 'minted', tokenSet, issuedOrigin: upstream.origin, rotatedRefreshToken: 'r2' };
    expect(await narrow('refresh', { body })).toEqual(answer);
    expect(await narrow('token_exchange', { body })).toEqual({
      ...answer,
      tokenSet: { ...tokenSet, refreshToken: 'r2' },
      rotatedRefreshToken: null,
    });
    const repeated = { body: { ...body, refresh_token: 'token-at-hand' } };
    expect(await narrow('refresh', repeated)).toEqual({ ...answer, rotatedRefreshToken: null });
    const none = { body: { access_token: 'narrow', refresh_token: '' } };
    expect(await narrow('refresh', none)).toMatchObject({ rotatedRefreshToken: null });
  });

  it.each<readonly [string, Script, Partial<FailedCall['failure']>]>([
    ['a scope it does not give', refuse('invalid_scope'), { upstreamError: 'invalid_scope', upstreamStatus: 400 }],
    ['a target it does not know', refuse('invalid_target'), { class: 'transient', upstreamError: 'invalid_target' }],
    ['a policy', refuse('access_denied'), { class: 'transient', upstreamError: 'access_denied' }],
    ['a request it does not take', refuse('invalid_request'), { upstreamError: 'invalid_request' }],
    ['a client without the right', refuse('unauthorized_client'), { class: 'configuration' }],
    ['a grant it does not have', refuse('unsupported_grant_type'), { class: 'configuration' }],
    ['a client it does not know', refuse('invalid_client', 401), { class: 'configuration' }],
    ['a grant that is gone', refuse('invalid_grant'), { class: 'final', upstreamError: 'invalid_grant' }],
    ['200 with an error', refuse('bad_refresh_token', 200), { class: 'final' }],
    [
      'too many calls',
      { status: 429, body: { error: 'invalid_scope' }, headers: { 'retry-after': '7' } },
      { class: 'throttled', retryAfterSeconds: 7 },
    ],
    ['a server that fails', refuse('invalid_grant', 503), { class: 'transient', upstreamStatus: 503 }],
    ['a redirect', { status: 302, headers: { location: '/second' } }, { class: 'transient', upstreamStatus: 302 }],
    ['a token that is no access token', { body: { access_token: 'a', token_type: 'N_A' } }, { class: 'transient' }],
    ['no token', { body: { scope: 'read' } }, { class: 'transient' }],
    ['silence', { drop: 'before' }, { class: 'in_doubt' }],
  ])('failure by %s', async (_case, answer, failure) => {
    for (const via of ['refresh', 'token_exchange'] as const) {
      expect(await narrow(via, answer)).toMatchObject({ kind: 'failed', failure });
    }
    expect(upstream.requests('/second')).toHaveLength(0);
  });

  it('S-9: sends neither token to another origin than the one that issued it', async () => {
    const before = upstream.requests('/token').length;
    for (const via of ['refresh', 'token_exchange'] as const) {
      const answer = await client.narrowToken({
        provider: createProvider({ authUrl: upstream.url('/authorize'), tokenUrl: upstream.url('/token') }),
        clientSecrets: secrets,
        via,
        token: 'token-at-hand',
        scopes: ['read'],
        issuedOrigin: 'https://earlier.example',
      });
      expect(answer).toMatchObject({ kind: 'failed', failure: { class: 'origin_changed' } });
    }
    expect(upstream.requests('/token')).toHaveLength(before);
  });
});

function refuse(error: string, status = 400): Script {
  return { status, body: { error, error_description: 'x' } };
}
