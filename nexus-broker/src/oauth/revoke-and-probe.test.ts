import type { JsonValue } from '@nexus/core/canonical-json';
import { type Script, type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProviderProfile } from '../domain/provider.js';
import { createProvider, createTestClient, readQuirks, type TestClient } from './provider-fixture.js';

let upstream: ScriptedProvider;
let client: TestClient;

beforeAll(async () => {
  upstream = await startScriptedProvider();
  client = createTestClient({ timeouts: { totalMs: 300 } }, { probeTimeoutMs: 400 });
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await upstream.close();
});

describe('revocation', () => {
  async function revoke(answer: Script, profile: Partial<ProviderProfile> = {}, clientSecrets = ['secret']) {
    upstream.answer('/revoke', answer);
    const provider = createProvider({
      authUrl: upstream.url('/authorize'),
      tokenUrl: upstream.url('/token'),
      revocationEndpoint: upstream.url('/revoke'),
      ...profile,
    });
    const { outcome, mayPass } = await client.revokeToken({
      provider,
      clientSecrets,
      token: 't',
      hint: 'refresh_token',
      issuedOrigin: upstream.origin,
    });
    return mayPass ? `${outcome}, may pass` : outcome;
  }

  it('sends the token, its hint and the client (RFC 7009 section 2.1)', async () => {
    expect(await revoke({ body: '' })).toBe('revoked');
    const request = upstream.requests('/revoke').at(-1);
    expect(Object.fromEntries(request?.form ?? [])).toEqual({ token: 't', token_type_hint: 'refresh_token' });
    expect(request?.headers['authorization']).toMatch(/^Basic /);
  });

  it.each<readonly [string, Script, string]>([
    ['204', { status: 204 }, 'revoked'],
    ['503', { status: 503 }, 'http_503, may pass'],
    [
      '503 with a word of RFC 6749',
      { status: 503, body: { error: 'temporarily_unavailable' } },
      'temporarily_unavailable, may pass',
    ],
    ['429 with a word', { status: 429, body: { error: 'slow_down' } }, 'slow_down, may pass'],
    ['S-3: 302', { status: 302, headers: { location: '/second' } }, 'http_302'],
    ['404', { status: 404 }, 'http_404'],
    ['400 unsupported_token_type', { status: 400, body: { error: 'unsupported_token_type' } }, 'unsupported'],
    ['400 invalid_request', { status: 400, body: { error: 'invalid_request' } }, 'invalid_request'],
    ['400 with hostile text', { status: 400, body: { error: '<b>' } }, 'http_400'],
    ['401 invalid_client', { status: 401, body: { error: 'invalid_client' } }, 'invalid_client'],
    ['a drop', { drop: 'before' }, 'unreachable, may pass'],
    ['silence', { endless: 'silent' }, 'http_200'],
  ])('%s', async (_case, answer, outcome) => {
    expect(await revoke(answer)).toBe(outcome);
    expect(upstream.requests('/second')).toHaveLength(0);
  });

  it('tells where there is nothing to call or nobody to call as', async () => {
    expect(await revoke({}, { revocationEndpoint: null })).toBe('unsupported');
    expect(await revoke({}, {}, [])).toBe('no_client_secret');
    const hidden = { issuer: 'https://10.0.0.1', enableDiscovery: true, tokenUrl: null };
    expect(await revoke({}, hidden)).toBe('unreachable, may pass');
  });

  it('tries the next client secret when one is refused', async () => {
    upstream.enqueue('/revoke', { status: 401, body: { error: 'invalid_client' } });
    expect(await revoke({}, {}, ['old', 'new'])).toBe('revoked');
  });
});

describe('probe', () => {
  const probe = (url: string) => client.probe({ method: 'GET', url, headers: { 'x-key': 'k' }, body: '' });

  it.each([
    [200, 'accepted'],
    [204, 'accepted'],
    [400, 'refused'],
    [401, 'refused'],
    [403, 'refused'],
    [302, 'unavailable'],
    [404, 'unavailable'],
    [429, 'unavailable'],
    [500, 'unavailable'],
  ] as const)('%i means %s', async (status, outcome) => {
    upstream.answer('/me', { status, headers: { location: '/second' } });
    expect(await probe(upstream.url('/me'))).toBe(outcome);
    expect(upstream.requests('/me').at(-1)?.headers['x-key']).toBe('k');
    expect(upstream.requests('/second')).toHaveLength(0);
  });

  it.each<readonly [string, { readonly [name: string]: JsonValue }, Script, string]>([
    [
      '2xx as the profile expects it',
      { accepted_when: { path: 'ok', equals: true } },
      { body: { ok: true } },
      'accepted',
    ],
    ['2xx that says no', { accepted_when: { path: 'ok', equals: true } }, { body: { ok: false } }, 'refused'],
    ['2xx that is not JSON', { accepted_when: { path: 'ok', equals: true } }, { body: 'x' }, 'refused'],
    [
      'a refusal by its word',
      { refused_when: { path: 'error', equals: 'invalid_auth' } },
      { body: { error: 'invalid_auth' } },
      'refused',
    ],
    ['another word', { refused_when: { path: 'error', equals: 'invalid_auth' } }, { body: { error: 'x' } }, 'accepted'],
    [
      'neither the one nor the other',
      { accepted_when: { path: 'ok', equals: true }, refused_when: { path: 'error', equals: 'invalid_auth' } },
      { body: { ok: false, error: 'ratelimited' } },
      'unavailable',
    ],
    ['a status of its own', { refused_when: { status: [404] } }, { status: 404 }, 'refused'],
    ['a status that means something else', { refused_when: { status: [404] } }, { status: 400 }, 'unavailable'],
    ['a usual status, where a word is named', { refused_when: { path: 'error' } }, { status: 401 }, 'refused'],
  ])('reads the answer as its profile says: %s', async (_case, written, answer, outcome) => {
    upstream.answer('/me', answer);
    const { probe: verdict } = readQuirks({ probe: { path: '/me', ...written } });
    const request = { method: 'POST', url: upstream.url('/me'), headers: {}, body: '{}', verdict };
    expect(await client.probe(request)).toBe(outcome);
    expect(upstream.requests('/me').at(-1)).toMatchObject({ method: 'POST', body: '{}' });
  });

  it('S-11: closed, silent, foreign and forbidden targets differ neither in outcome nor in time', async () => {
    const closed = await startScriptedProvider();
    await closed.close();
    upstream.answer('/strange', { body: 'x', status: 418 });
    upstream.answer('/slow', { delayMs: 3_000 });
    const urls = [closed.url('/'), upstream.url('/strange'), upstream.url('/slow'), 'https://10.0.0.1/', 'file:///x'];
    const outcomes = await Promise.all(
      urls.map(async (url) => {
        const startedMs = performance.now();
        return { outcome: await probe(url), tookMs: performance.now() - startedMs };
      }),
    );
    for (const { outcome, tookMs } of outcomes) {
      expect(outcome).toBe('unavailable');
      expect(tookMs).toBeGreaterThanOrEqual(395);
    }
    const times = outcomes.map(({ tookMs }) => tookMs);
    expect(Math.max(...times) - Math.min(...times)).toBeLessThan(200);
  });
});
