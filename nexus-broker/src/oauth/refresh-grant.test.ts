import { type Script, type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Provider } from '../domain/provider.js';
import type { FailedCall } from './provider-client.js';
import { createProvider, createTestClient, secrets, type TestClient } from './provider-fixture.js';
import type { RefreshedToken } from './refresh-grant.js';

const nowMs = 1_700_000_000_000;
const html = { headers: { 'content-type': 'text/html' }, body: '<html>busy</html>' };

describe('refresh grant', () => {
  let upstream: ScriptedProvider;
  let client: TestClient;
  let provider: Provider;

  beforeAll(async () => {
    upstream = await startScriptedProvider();
    client = createTestClient({ timeouts: { totalMs: 300 } }, { clock: { now: () => nowMs } });
    provider = createProvider({ authUrl: upstream.url('/authorize'), tokenUrl: upstream.url('/token') });
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await upstream.close();
  });

  async function refresh(answer: Script): Promise<RefreshedToken | FailedCall> {
    const before = upstream.requests('/token').length;
    upstream.answer('/token', answer);
    const outcome = await client.refreshGrant({
      provider,
      clientSecrets: secrets,
      refreshToken: 'old-refresh-token',
      scope: 'read write',
      issuedOrigin: upstream.origin,
    });
    expect(upstream.requests('/token').length - before).toBeLessThanOrEqual(1);
    return outcome;
  }

  it('sends one form with the refresh token and nothing else', async () => {
    await refresh({ body: { access_token: 'a' } });
    const request = upstream.requests('/token').at(-1);
    expect(Object.fromEntries(request?.form ?? [])).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'old-refresh-token',
    });
    expect(request?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('client:secret').toString('base64')}`,
      accept: 'application/json',
      'user-agent': 'nexus-broker',
    });
  });

  describe('success', () => {
    it('R5: a valid answer without refresh token', async () => {
      expect(await refresh({ body: { access_token: 'a2', token_type: 'Bearer', expires_in: 3600 } })).toEqual({
        kind: 'refreshed',
        issuedOrigin: upstream.origin,
        isRotated: false,
        tokenSet: {
          kind: 'oauth2',
          accessToken: 'a2',
          refreshToken: null,
          tokenType: 'Bearer',
          idToken: null,
          scope: 'read write',
          expiresAt: nowMs / 1000 + 3600,
        },
      });
    });

    it('a rotated refresh token, and one that is merely repeated', async () => {
      const rotated = await refresh({ body: { access_token: 'a2', refresh_token: 'new' } });
      expect(rotated).toMatchObject({ isRotated: true, tokenSet: { refreshToken: 'new' } });
      const repeated = await refresh({ body: { access_token: 'a2', refresh_token: 'old-refresh-token' } });
      expect(repeated).toMatchObject({ isRotated: false });
    });

    it.each([
      ['no token_type', { access_token: 'a' }, { tokenType: 'Bearer' }],
      ['expires_in as a string', { access_token: 'a', expires_in: '3600' }, { expiresAt: nowMs / 1000 + 3600 }],
      ['a list of scopes', { access_token: 'a', scope: ['x', 'y'] }, { scope: 'x y' }],
      ['R21: fewer scopes', { access_token: 'a', scope: 'read' }, { scope: 'read' }],
      ['an empty refresh token', { access_token: 'a', refresh_token: '' }, { refreshToken: null }],
      ['an ID token nobody can verify', { access_token: 'a', id_token: 'rubbish' }, { idToken: null }],
      ['an ID token of the wrong type', { access_token: 'a', error: '' }, { accessToken: 'a' }],
    ])('%s', async (_case, body, expected) => {
      expect(await refresh({ body })).toMatchObject({ kind: 'refreshed', tokenSet: expected });
    });

    it('JSON under another content type', async () => {
      const answer = { body: JSON.stringify({ access_token: 'a' }), headers: { 'content-type': 'text/plain' } };
      expect(await refresh(answer)).toMatchObject({ kind: 'refreshed' });
    });
  });

  it.each<readonly [string, Script, Partial<FailedCall['failure']>]>([
    [
      'R6: 200 bad_refresh_token',
      { body: { error: 'bad_refresh_token', error_description: 'x' } },
      { class: 'final', upstreamError: 'bad_refresh_token', upstreamStatus: 200 },
    ],
    [
      '200 with a token beside an error',
      { body: { access_token: 'a', error: 'invalid_grant' } },
      { class: 'final', upstreamError: 'invalid_grant' },
    ],
    [
      '200 with an unknown error',
      { body: { ok: false, error: 'ratelimited' } },
      { class: 'transient', upstreamError: 'ratelimited' },
    ],
    [
      '200 with an error that is no word',
      { body: { error: { message: 'no' } } },
      { class: 'transient', upstreamError: null },
    ],
    [
      '200 incorrect_client_credentials',
      { body: { error: 'incorrect_client_credentials' } },
      { class: 'configuration' },
    ],
    [
      '400 invalid_grant',
      { status: 400, body: { error: 'invalid_grant' } },
      { class: 'final', upstreamError: 'invalid_grant', upstreamStatus: 400 },
    ],
    [
      '400 invalid_grant with a challenge',
      { status: 400, body: { error: 'invalid_grant' }, headers: { 'www-authenticate': 'Bearer' } },
      { class: 'final' },
    ],
    ['401 invalid_grant', { status: 401, body: { error: 'invalid_grant' } }, { class: 'final' }],
    [
      '400 in another form',
      { status: 400, body: { error_code: 'refresh_token_not_found' } },
      { class: 'transient', upstreamError: null, upstreamStatus: 400 },
    ],
    [
      '400 invalid_request',
      { status: 400, body: { error: 'invalid_request' } },
      { class: 'transient', upstreamError: 'invalid_request' },
    ],
    [
      '400 with a hostile error',
      { status: 400, body: { error: '<script>' } },
      { class: 'transient', upstreamError: null },
    ],
    [
      'R9: 401 invalid_client',
      { status: 401, body: { error: 'invalid_client' } },
      { class: 'configuration', upstreamError: 'invalid_client', upstreamStatus: 401 },
    ],
    [
      'R9: 401 invalid_client with a challenge',
      { status: 401, body: { error: 'invalid_client' }, headers: { 'www-authenticate': 'Basic realm="x"' } },
      { class: 'configuration' },
    ],
    [
      'R9: 400 unauthorized_client',
      { status: 400, body: { error: 'unauthorized_client' } },
      { class: 'configuration' },
    ],
    ['401 without a body', { status: 401, body: '' }, { class: 'transient', upstreamStatus: 401 }],
    [
      'R7: 429 JSON',
      { status: 429, body: { error: 'invalid_grant' }, headers: { 'retry-after': '7' } },
      { class: 'throttled', retryAfterSeconds: 7, upstreamStatus: 429 },
    ],
    ['R7: 429 HTML', { status: 429, ...html }, { class: 'throttled', upstreamError: null, retryAfterSeconds: null }],
    [
      'R7: 429 until a date',
      { status: 429, headers: { 'retry-after': new Date(nowMs + 60_000).toUTCString() } },
      { class: 'throttled', retryAfterSeconds: 60 },
    ],
    [
      'R7: 429 until a date far away',
      { status: 429, headers: { 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' } },
      { retryAfterSeconds: 900 },
    ],
    [
      'R7: 429 until a date gone by',
      { status: 429, headers: { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' } },
      { retryAfterSeconds: null },
    ],
    [
      'R7: 429 with an absurd wait',
      { status: 429, headers: { 'retry-after': '999999999999999999999999' } },
      { retryAfterSeconds: 900 },
    ],
    ['R7: 429 with nonsense', { status: 429, headers: { 'retry-after': 'soon' } }, { retryAfterSeconds: null }],
    ['R8: 500', { status: 500, body: { error: 'invalid_grant' } }, { class: 'transient', upstreamStatus: 500 }],
    [
      'R8: 503 with Retry-After',
      { status: 503, headers: { 'retry-after': '30' } },
      { class: 'transient', retryAfterSeconds: 30 },
    ],
    ['R8: 502 HTML', { status: 502, ...html }, { class: 'transient', upstreamStatus: 502 }],
    ['R8: 200 HTML', html, { class: 'transient', upstreamStatus: 200 }],
    [
      'R8: 201',
      { status: 201, body: { access_token: 'a', token_type: 'bearer' } },
      { class: 'transient', upstreamStatus: 201 },
    ],
    ['R8: 204', { status: 204 }, { class: 'transient', upstreamStatus: 204 }],
    ['S-3: 302', { status: 302, headers: { location: '/second' } }, { class: 'transient', upstreamStatus: 302 }],
    ['S-3: 307', { status: 307, headers: { location: '/second' } }, { class: 'transient', upstreamStatus: 307 }],
    ['R22: not JSON', { body: '{"access_token":' }, { class: 'transient' }],
    ['R22: empty', { body: '' }, { class: 'transient' }],
    ['R22: a list', { body: [{ access_token: 'a' }] }, { class: 'transient' }],
    ['R22: null', { body: null }, { class: 'transient' }],
    ['R22: a string', { body: '"access_token"' }, { class: 'transient' }],
    ['R22: a number', { body: '7' }, { class: 'transient' }],
    ['R22: no access token', { body: { refresh_token: 'r', token_type: 'bearer' } }, { class: 'transient' }],
    ['R22: an empty access token', { body: { access_token: '' } }, { class: 'transient' }],
    ['R22: an access token that is no string', { body: { access_token: { a: 1 } } }, { class: 'transient' }],
    ['R22: an access token with a line break', { body: { access_token: 'a\nb' } }, { class: 'transient' }],
    ['R22: form-encoded', { body: 'access_token=a&token_type=bearer' }, { class: 'transient' }],
    ['R22: another token type', { body: { access_token: 'a', token_type: 'mac' } }, { class: 'transient' }],
    ['R23: dropped before the answer', { drop: 'before' }, { class: 'in_doubt', upstreamStatus: null }],
    [
      'R23: half a body',
      { drop: 'midway', body: { access_token: 'a'.repeat(500) } },
      { class: 'in_doubt', upstreamStatus: 200 },
    ],
    [
      'R23: half a body of a 500',
      { status: 500, drop: 'midway', body: 'x'.repeat(500) },
      { class: 'transient', upstreamStatus: 500 },
    ],
    ['R23: too slow', { delayMs: 600 }, { class: 'in_doubt' }],
    ['R23: a head and then nothing', { endless: 'silent' }, { class: 'in_doubt' }],
    ['S-6: an endless body', { endless: 'chunks' }, { class: 'in_doubt' }],
  ])('%s', async (_case, answer, failure) => {
    expect(await refresh(answer)).toMatchObject({ kind: 'failed', failure });
    expect(upstream.requests('/second')).toHaveLength(0);
  });

  it.each([
    ['an end that is past', { expires_in: -1 }, { expiresAt: nowMs / 1000 + 60 }],
    ['an end of zero', { expires_in: '0' }, { expiresAt: nowMs / 1000 + 60 }],
    ['a scope that is none', { scope: { read: true } }, { scope: 'read write' }],
    ['more scopes than anybody has', { scope: 'x'.repeat(300) }, { scope: 'read write' }],
    ['an ID token that is none', { id_token: { header: {} } }, { idToken: null }],
  ])('R16: keeps the new tokens beside %s', async (_case, beside, expected) => {
    const body = { access_token: 'fixture-new', refresh_token: 'fixture-rotated', ...beside };
    expect(await refresh({ body })).toMatchObject({
      kind: 'refreshed',
      tokenSet: { accessToken: 'fixture-new', refreshToken: 'fixture-rotated', ...expected },
    });
  });

  it('R8: nothing was sent: a refused connection, a name that does not resolve, an address that is refused', async () => {
    const dead = await startScriptedProvider();
    await dead.close();
    const call = { clientSecrets: secrets, refreshToken: 'r', scope: '' };
    const at = (tokenUrl: string) => ({
      ...call,
      provider: createProvider({ authUrl: 'https://provider.example/', tokenUrl }),
      issuedOrigin: new URL(tokenUrl).origin,
    });
    const transient = { kind: 'failed', failure: { class: 'transient', upstreamStatus: null } };
    expect(await client.refreshGrant(at(dead.url('/token')))).toMatchObject(transient);
    await using unresolved = createTestClient({ resolve: () => Promise.reject(new Error('ENOTFOUND')) });
    expect(await unresolved.refreshGrant(at('https://provider.example/token'))).toMatchObject(transient);
    await using rebound = createTestClient({ resolve: async () => ['10.0.0.1'] });
    expect(await rebound.refreshGrant(at('https://provider.example/token'))).toMatchObject(transient);
    const unsafe = { kind: 'failed', failure: { class: 'configuration' } };
    expect(await client.refreshGrant(at('https://10.0.0.1/token'))).toMatchObject(unsafe);
  });

  it('R5: a hundred refreshes without a refresh token in the answers keep using the first', async () => {
    for (let i = 0; i < 100; i++) {
      expect(await refresh({ body: { access_token: `a${i}` } })).toMatchObject({ tokenSet: { refreshToken: null } });
      expect(upstream.requests('/token').at(-1)?.form.get('refresh_token')).toBe('old-refresh-token');
    }
  });
});
