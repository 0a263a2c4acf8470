import { type ScriptedAnswer, type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { placeProvider } from '../domain/profile-places.js';
import type { Provider } from '../domain/provider.js';
import {
  codeVerifier,
  createProvider,
  createTestClient,
  readQuirks,
  secrets,
  type TestClient,
} from './provider-fixture.js';

const wellKnown = '/.well-known/openid-configuration';
const hour = 3_600_000;

describe('discovery', () => {
  let upstream: ScriptedProvider;
  let client: TestClient;
  let nowMs: number;

  beforeEach(async () => {
    nowMs = 1_700_000_000_000;
    upstream = await startScriptedProvider();
    upstream.publishMetadata();
    client = createTestClient({ timeouts: { totalMs: 1000 } }, { clock: { now: () => nowMs } });
  });
  afterEach(async () => {
    await client[Symbol.asyncDispose]();
    await upstream.close();
  });

  const discovered = (changes: Parameters<typeof createProvider>[0] = {}): Provider =>
    createProvider({ issuer: upstream.origin, enableDiscovery: true, ...changes });
  const refresh = (provider: Provider) =>
    client.refreshGrant({
      provider,
      clientSecrets: secrets,
      refreshToken: 'r',
      scope: '',
      issuedOrigin: upstream.origin,
    });
  const discoveries = () => upstream.requests(wellKnown).length;

  it('finds the endpoints, and fields of the profile win', async () => {
    expect(await client.describeServer(discovered())).toMatchObject({
      issuer: upstream.origin,
      authorizationEndpoint: upstream.url('/authorize'),
      tokenEndpoint: upstream.url('/token'),
      userInfoEndpoint: upstream.url('/userinfo'),
      revocationEndpoint: upstream.url('/revoke'),
      jwksUri: upstream.url('/jwks'),
    });
    const own = discovered({ tokenUrl: upstream.url('/own-token'), revocationEndpoint: upstream.url('/own-revoke') });
    expect(await client.describeServer(own)).toMatchObject({
      tokenEndpoint: upstream.url('/own-token'),
      revocationEndpoint: upstream.url('/own-revoke'),
    });
  });

  it('reads RFC 8414 metadata where there is no OpenID configuration', async () => {
    upstream.answer(wellKnown, { status: 404 });
    upstream.answer('/.well-known/oauth-authorization-server', {
      body: {
        issuer: upstream.origin,
        authorization_endpoint: upstream.url('/authorize'),
        token_endpoint: upstream.url('/token'),
      },
    });
    expect(await client.describeServer(discovered())).toMatchObject({
      tokenEndpoint: upstream.url('/token'),
      jwksUri: null,
    });
  });

  describe('of a provider whose endpoints are given', () => {
    const described = () =>
      discovered({ authUrl: upstream.url('/authorize'), tokenUrl: upstream.url('/token'), scopes: ['openid'] });
    const exchange = (provider: Provider, scopes: readonly string[]) =>
      client.exchangeCode({
        provider,
        clientSecrets: secrets,
        parameters: [
          ['code', 'c'],
          ['state', 's'],
        ],
        redirectUri: 'https://nexus.example/auth/callback/test',
        state: 's',
        codeVerifier,
        nonce: 'n',
        scopes,
      });

    it('still brings the keys its ID tokens are verified with', async () => {
      expect(await client.describeServer(described())).toMatchObject({ jwksUri: upstream.url('/jwks') });
    });

    it('H10: is done without where there is no document, and then no ID token is believed or even asked for', async () => {
      for (const path of [wellKnown, '/.well-known/oauth-authorization-server']) upstream.answer(path, { status: 404 });
      upstream.answer('/token', { body: { access_token: 'a', token_type: 'Bearer', expires_in: 60 } });
      await expect(exchange(described(), ['openid'])).rejects.toMatchObject({ stage: 'verification' });
      expect(upstream.requests('/token')).toEqual([]);
      expect(await exchange(described(), ['read'])).toMatchObject({ tokenSet: { accessToken: 'a' } });
    });

    it('is not done without where the document cannot be had right now', async () => {
      upstream.answer(wellKnown, { status: 503 });
      await expect(client.describeServer(described())).rejects.toMatchObject({ code: 'provider_unavailable' });
    });
  });

  it.each([
    ['another issuer', () => 'https://evil.example'],
    ['the issuer with a slash', () => `${upstream.origin}/`],
    ['the issuer in capitals', () => upstream.origin.toUpperCase()],
    ['no issuer', () => undefined],
    ['a list of issuers', () => [upstream.origin]],
  ])('H7: refuses metadata that name %s', async (_case, issuer) => {
    upstream.publishMetadata({ issuer: issuer() });
    expect(await refresh(discovered())).toMatchObject({ kind: 'failed', failure: { class: 'configuration' } });
    expect(upstream.requests('/token')).toHaveLength(0);
  });

  it.each(['token_endpoint', 'authorization_endpoint', 'jwks_uri', 'userinfo_endpoint', 'revocation_endpoint'])(
    'S-4: refuses metadata whose %s is private, not https or not a URL',
    async (name) => {
      for (const url of [
        'https://10.0.0.1/x',
        'http://169.254.169.254/x',
        'https://[fd00::1]/x',
        'file:///etc/passwd',
        'x',
      ]) {
        upstream.publishMetadata({ [name]: url });
        expect(await refresh(discovered())).toMatchObject({ kind: 'failed', failure: { class: 'configuration' } });
      }
      expect(upstream.requests('/token')).toHaveLength(0);
    },
  );

  it('S-4: a metadata endpoint whose name turns private is refused when it is called', async () => {
    upstream.publishMetadata({ token_endpoint: 'https://inside.example/token' });
    await using split = createTestClient({ resolve: async () => ['192.168.1.1'] });
    const outcome = await split.refreshGrant({
      provider: discovered(),
      clientSecrets: secrets,
      refreshToken: 'r',
      scope: '',
      issuedOrigin: 'https://inside.example',
    });
    expect(outcome).toMatchObject({ kind: 'failed', failure: { class: 'transient', upstreamStatus: null } });
  });

  it.each([301, 302, 303, 307, 308])('S-3: does not follow a %i from discovery', async (status) => {
    upstream.answer(wellKnown, { status, headers: { location: upstream.url('/second') } });
    expect(await refresh(discovered())).toMatchObject({ kind: 'failed' });
    expect(upstream.requests('/second')).toHaveLength(0);
    expect(upstream.requests('/token')).toHaveLength(0);
  });

  it('R8: an outage of the discovery endpoint is temporary', async () => {
    for (const answer of [{ status: 500 }, { status: 503 }, { status: 429 }, { drop: 'before' as const }]) {
      upstream.answer(wellKnown, answer);
      expect(await refresh(discovered())).toMatchObject({ kind: 'failed', failure: { class: 'transient' } });
      await expect(client.describeServer(discovered())).rejects.toMatchObject({ code: 'provider_unavailable' });
    }
  });

  it.each<readonly [string, ScriptedAnswer]>([
    ['is cut off', { drop: 'before' }],
    ['ends midway', { drop: 'midway', body: { issuer: 'x'.repeat(500) } }],
    ['does not end', { endless: 'silent' }],
    ['is a success of another form', { body: '<html>busy</html>', headers: { 'content-type': 'text/html' } }],
  ])('R23: an answer that %s puts no token in doubt, for none was shown', async (_case, answer) => {
    upstream.answer(wellKnown, answer);
    const outcome = await refresh(discovered());
    expect(outcome).toMatchObject({ kind: 'failed', failure: { class: 'transient', upstreamStatus: null } });
    expect(upstream.requests('/token')).toHaveLength(0);
  });

  it('asks once for many calls, and again after an hour or for another version', async () => {
    upstream.answer('/token', { body: { access_token: 'a' } });
    const provider = discovered();
    await Promise.all(Array.from({ length: 20 }, () => refresh(provider)));
    expect(discoveries()).toBe(1);
    nowMs += hour - 1;
    await refresh(provider);
    expect(discoveries()).toBe(1);
    await refresh({ ...provider, version: 2 });
    expect(discoveries()).toBe(2);
    nowMs += 1;
    await refresh(provider);
    expect(discoveries()).toBe(3);
  });

  it('remembers a failure for half a minute, so that nothing but a person who tries again asks more often', async () => {
    upstream.answer('/token', { body: { access_token: 'a' } });
    const provider = discovered();
    upstream.answer(wellKnown, { status: 503 });
    for (let call = 0; call < 5; call++) expect(await refresh(provider)).toMatchObject({ kind: 'failed' });
    expect(discoveries()).toBe(1);
    nowMs += 29_000;
    expect(await refresh(provider)).toMatchObject({ kind: 'failed' });
    expect(discoveries()).toBe(1);
    await expect(client.describeServer(provider)).rejects.toThrow('could not be asked');
    expect(discoveries()).toBe(2);
    nowMs += 29_000;
    upstream.publishMetadata();
    expect(await refresh({ ...provider, version: 2 })).toMatchObject({ kind: 'refreshed' });
    nowMs += 1_001;
    expect(await refresh(provider)).toMatchObject({ kind: 'refreshed' });
  });

  it('tells what is known of the token endpoint without asking anybody', async () => {
    const provider = discovered();
    expect(client.knownTokenEndpointOrigin(provider)).toBeNull();
    upstream.enqueue(wellKnown, { status: 503 });
    await refresh(provider);
    expect(client.knownTokenEndpointOrigin(provider)).toBeNull();
    expect(discoveries()).toBe(1);
    nowMs += 30_001;
    expect((await client.trustedOrigins(provider))[0]).toBe(upstream.origin);
    expect(client.knownTokenEndpointOrigin(provider)).toBe(upstream.origin);
    nowMs += 2 * hour;
    expect(client.knownTokenEndpointOrigin(provider)).toBeNull();
    const own = discovered({ tokenUrl: 'https://own.example/token' });
    expect(client.knownTokenEndpointOrigin(own)).toBe('https://own.example');
    expect(discoveries()).toBe(2);
  });

  it('forgets no registered provider for callers that place another one a thousand times', async () => {
    const provider = discovered();
    await client.describeServer(provider);
    const tenants = createProvider({
      authUrl: 'https://{sub}.tenants.example/authorize',
      tokenUrl: 'https://{sub}.tenants.example/token',
      ...readQuirks({ inputs: { sub: { title: 'Tenant' } } }),
    });
    for (let i = 0; i < 1_000; i++) await client.describeServer(placeProvider(tenants, { sub: `t${i}` }));
    await client.describeServer(provider);
    expect(discoveries()).toBe(1);
  });

  it('bridges an outage with the last good document for a day', async () => {
    upstream.answer('/token', { body: { access_token: 'a' } });
    const provider = discovered();
    expect(await refresh(provider)).toMatchObject({ kind: 'refreshed' });
    upstream.answer(wellKnown, { status: 503 });
    nowMs += 2 * hour;
    expect(await refresh(provider)).toMatchObject({ kind: 'refreshed' });
    for (let passed = 4; passed < 24; passed += 2) {
      nowMs += 2 * hour;
      expect(await refresh(provider)).toMatchObject({ kind: 'refreshed' });
    }
    nowMs += 2 * hour;
    for (const pauseMs of [0, 60_000, 60_000]) {
      nowMs += pauseMs;
      expect(await refresh(provider)).toMatchObject({ kind: 'failed', failure: { class: 'transient' } });
    }
    upstream.publishMetadata();
    nowMs += 30_001;
    expect(await refresh(provider)).toMatchObject({ kind: 'refreshed' });
  });

  it('H7: an issuer that changes ends the use of the last good document at once', async () => {
    upstream.answer('/token', { body: { access_token: 'a' } });
    const provider = discovered();
    expect(await refresh(provider)).toMatchObject({ kind: 'refreshed' });
    upstream.publishMetadata({ issuer: 'https://evil.example' });
    nowMs += 2 * hour;
    expect(await refresh(provider)).toMatchObject({ kind: 'failed', failure: { class: 'configuration' } });
  });
});
