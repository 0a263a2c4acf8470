import type { Script } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nowMs, nowSeconds, type QuirkRig, startQuirkRig, type Written } from './quirk-fixture.js';

let rig: QuirkRig;

beforeAll(async () => {
  rig = await startQuirkRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

describe('answers that a profile explains', () => {
  const answered = { access_token: 'fixture-a', refresh_token: 'fixture-r' };

  it.each<readonly [string, Written, Script, object]>([
    [
      'form-encoded',
      { body_format: 'form' },
      { body: 'access_token=fixture-a&scope=read%2Cwrite&token_type=bearer&expires_in=60' },
      { accessToken: 'fixture-a', scope: 'read write', expiresAt: nowSeconds + 60 },
    ],
    ['JSON although forms are expected', { body_format: 'form' }, { body: answered }, { refreshToken: 'fixture-r' }],
    [
      'members elsewhere',
      {
        paths: {
          access_token: 'authed_user.access_token',
          refresh_token: 'authed_user.refresh_token',
          scope: 'authed_user.scope',
          expires: 'data.0.ends',
        },
        scope_separator: '|',
        success_when: { path: 'ok', equals: true },
      },
      {
        body: {
          ok: true,
          access_token: 'fixture-bot',
          error: 'not_an_error',
          authed_user: { ...answered, scope: 'chat:write|users:read' },
          data: [{ ends: 90 }],
        },
      },
      {
        accessToken: 'fixture-a',
        refreshToken: 'fixture-r',
        scope: 'chat:write users:read',
        expiresAt: nowSeconds + 90,
      },
    ],
    [
      'milliseconds',
      { expiry_unit: 'milliseconds' },
      { body: { ...answered, expires_in: '7200000' } },
      { expiresAt: nowSeconds + 7_200 },
    ],
    [
      'seconds since the epoch',
      { expiry_base: 'absolute', paths: { expires: 'expires_at' } },
      { body: { ...answered, expires_at: nowSeconds + 30 } },
      { expiresAt: nowSeconds + 30 },
    ],
    [
      'milliseconds since the epoch',
      { expiry_base: 'absolute', expiry_unit: 'milliseconds' },
      { body: { ...answered, expires_in: nowMs + 30_000 } },
      { expiresAt: nowSeconds + 30 },
    ],
    [
      'a date',
      { expiry_unit: 'iso', paths: { expires: 'expiresAt' } },
      { body: { ...answered, expiresAt: new Date(nowMs + 30_000).toISOString() } },
      { expiresAt: nowSeconds + 30 },
    ],
    [
      'a date without a zone, which is in UTC',
      { expiry_unit: 'iso' },
      { body: { ...answered, expires_in: new Date(nowMs + 30_000).toISOString().replace('T', ' ').slice(0, 19) } },
      { expiresAt: nowSeconds + 30 },
    ],
    ['no end', {}, { body: answered }, { expiresAt: null }],
    ['no end that is known', { when_expiry_missing: 'unknown' }, { body: answered }, { expiresAt: nowSeconds + 3_600 }],
    ['a usual lifetime', { default_lifetime: 7_200 }, { body: answered }, { expiresAt: nowSeconds + 7_200 }],
    [
      'a lifetime of its own before the usual one',
      { default_lifetime: 7_200 },
      { body: { ...answered, expires_in: 60 } },
      { expiresAt: nowSeconds + 60 },
    ],
    [
      'another type of token',
      { token_type: 'Zoho-oauthtoken' },
      { body: { ...answered, token_type: 'unheard-of' } },
      { tokenType: 'Zoho-oauthtoken' },
    ],
  ])('%s', async (_case, tokenAnswer, answer, expected) => {
    rig.upstream.answer('/token', answer);
    const provider = rig.create({ token_answer: tokenAnswer });
    expect((await rig.exchange(provider)).tokenSet).toMatchObject(expected);
    expect(await rig.refresh(provider)).toMatchObject({ kind: 'refreshed', tokenSet: expected });
  });

  it.each<readonly [string, Written, Script, object]>([
    [
      'a word of the profile at its path',
      { token_answer: { error_path: 'error.code' } },
      { status: 400, body: { error: { code: 190, message: 'no' } } },
      { class: 'final', upstreamError: '190', upstreamStatus: 400 },
    ],
    [
      'a status of 200',
      { token_answer: { success_when: { path: 'ok', equals: true } } },
      { body: { ok: false, error: 'token_revoked', access_token: 'fixture-a' } },
      { class: 'final', upstreamError: 'token_revoked', upstreamStatus: 200 },
    ],
    [
      'a standard word although codes are elsewhere',
      { token_answer: { error_path: 'error.code' } },
      { status: 400, body: { error: 'invalid_grant' } },
      { class: 'final', upstreamError: 'invalid_grant' },
    ],
    [
      'an error in a form',
      { token_answer: { body_format: 'form' } },
      { body: 'error=bad_refresh_token&error_description=x' },
      { class: 'final', upstreamError: 'bad_refresh_token' },
    ],
    [
      'a refusal without a word, which leaves the grant in doubt',
      { token_answer: { success_when: { path: 'code', equals: 0 } } },
      { body: { code: 7 } },
      { class: 'transient', upstreamError: null, upstreamStatus: 200 },
    ],
    [
      'when to come again, in a header of its own',
      { retry_headers: ['x-ratelimit-reset'] },
      { status: 429, headers: { 'X-RateLimit-Reset': String(nowSeconds + 40) } },
      { class: 'throttled', retryAfterSeconds: 40 },
    ],
    [
      'Retry-After before any other header',
      { retry_headers: ['x-ratelimit-reset'] },
      { status: 429, headers: { 'x-ratelimit-reset': '40', 'retry-after': '5' } },
      { class: 'throttled', retryAfterSeconds: 5 },
    ],
    [
      'no header that nobody asked for',
      {},
      { status: 429, headers: { 'x-ratelimit-reset': '40' } },
      { retryAfterSeconds: null },
    ],
    [
      '201, where it is not a success',
      {},
      { status: 201, body: answered },
      { class: 'transient', upstreamStatus: 201 },
    ],
    ['another type of token', {}, { body: { ...answered, token_type: 'mac' } }, { class: 'transient' }],
  ])('refuses: %s', async (_case, written, answer, failure) => {
    rig.upstream.answer('/token', answer);
    const provider = rig.create(written, { errors: { '190': 'final', token_revoked: 'final' } });
    expect(await rig.refresh(provider)).toMatchObject({ kind: 'failed', failure });
    await expect(rig.exchange(provider)).rejects.toMatchObject({ stage: 'exchange', failure });
  });

  it.each<readonly [string, Written, object]>([
    ['a moment that is past', { expiry_base: 'absolute' }, { expires_in: nowSeconds - 5 }],
    ['a date that is past', { expiry_unit: 'iso' }, { expires_in: '2023-11-14 20:00:00' }],
    ['a type in other letters', { success_when: { path: 'token_type', equals: 'Bearer' } }, { token_type: 'bearer' }],
    ['no member to know it by', { success_when: { path: 'token_type', equals: 'Bearer' } }, {}],
  ])('R16: keeps tokens in spite of %s', async (_case, tokenAnswer, beside) => {
    rig.upstream.answer('/token', { body: { ...answered, ...beside } });
    const provider = rig.create({ token_answer: tokenAnswer });
    const tokenSet = { accessToken: 'fixture-a', refreshToken: 'fixture-r' };
    expect(await rig.refresh(provider)).toMatchObject({ kind: 'refreshed', tokenSet });
    // Nor is a person sent away for it.
    expect(await rig.exchange(provider)).toMatchObject({ tokenSet });
  });

  it.each<readonly [string, Written, object]>([
    ['a scope', { scope: 'refresh_token' }, { scope: 'read' }],
    ['scopes, cut in pieces', { scope: 'data.refresh_token' }, { scope: 'read' }],
    ['an access token', { access_token: 'refresh_token' }, { accessToken: 'fixture-a' }],
    ['an access token deeper down', { access_token: 'data.refresh_token' }, { accessToken: 'fixture-a' }],
    ['an error', {}, { accessToken: 'fixture-a' }],
  ])('S-9: a refresh token is never told as %s', async (_case, paths, expected) => {
    const refreshToken = 'fixture-long-refresh+token';
    const body = { ...answered, refresh_token: refreshToken, data: { refresh_token: `${refreshToken}-deep` } };
    rig.upstream.answer('/token', { body });
    const provider = rig.create({ token_answer: { paths, scope_separator: '+', error_path: 'refresh_token' } });
    const refreshed = await rig.refresh(provider);
    expect(refreshed).toMatchObject({ kind: 'refreshed', tokenSet: { ...expected, refreshToken } });
  });

  it('takes an error code of zero, and any status of success, for what the profile says they are', async () => {
    rig.upstream.answer('/token', { status: 201, body: { code: 0, ...answered } });
    const provider = rig.create({ token_answer: { error_path: 'code' }, token_request: { accept_any_success: true } });
    expect(await rig.refresh(provider)).toMatchObject({ kind: 'refreshed', tokenSet: { accessToken: 'fixture-a' } });
  });
});

describe('refresh tokens that are none', () => {
  it('keeps the access token to refresh with, and counts a new one as rotated', async () => {
    const provider = rig.create({ refresh: { sends: 'access_token' } });
    rig.upstream.answer('/token', { body: { access_token: 'fixture-a', refresh_token: 'fixture-unused' } });
    expect((await rig.exchange(provider)).tokenSet).toMatchObject({
      accessToken: 'fixture-a',
      refreshToken: 'fixture-a',
    });
    rig.upstream.answer('/token', { body: { access_token: 'fixture-b' } });
    const refreshed = await rig.refresh(provider, 'fixture-a');
    expect(rig.lastSent().form['refresh_token']).toBe('fixture-a');
    expect(refreshed).toMatchObject({
      isRotated: true,
      tokenSet: { accessToken: 'fixture-b', refreshToken: 'fixture-b' },
    });
    expect(await rig.refresh(provider, 'fixture-b')).toMatchObject({ isRotated: false });
  });

  it('keeps none where no refresh is supported', async () => {
    rig.upstream.answer('/token', { body: { access_token: 'fixture-a', refresh_token: 'fixture-r' } });
    const { tokenSet } = await rig.exchange(rig.create({ refresh: { supported: false } }));
    expect(tokenSet.refreshToken).toBeNull();
  });
});

const tenYears = 10 * 365 * 86_400;

describe('an end that only an introspection tells (RFC 7662)', () => {
  const written = { token_answer: { when_expiry_missing: 'introspect', default_lifetime: 50 } };
  const provider = () => rig.create(written, { introspectionEndpoint: rig.upstream.url('/introspect') });

  it.each<readonly [string, Script, number]>([
    ['tells it', { body: { active: true, exp: nowSeconds + 900 } }, nowSeconds + 900],
    ['says that the token is not active', { body: { active: false } }, nowSeconds + 50],
    ['tells no end', { body: { active: true } }, nowSeconds + 50],
    ['tells one that is past', { body: { active: true, exp: nowSeconds - 1 } }, nowSeconds + 50],
    ['tells one beyond all reason', { body: { active: true, exp: Number.MAX_SAFE_INTEGER } }, nowSeconds + tenYears],
    ['fails', { status: 500 }, nowSeconds + 50],
    ['does not answer', { drop: 'before' }, nowSeconds + 50],
  ])('%s', async (_case, script, expiresAt) => {
    rig.upstream.answer('/token', { body: { access_token: 'fixture-a' } });
    rig.upstream.answer('/introspect', script);
    expect((await rig.exchange(provider())).tokenSet).toMatchObject({ accessToken: 'fixture-a', expiresAt });
    expect(rig.lastSent('/introspect').form).toMatchObject({ token: 'fixture-a' });
    expect(await rig.refresh(provider())).toMatchObject({ kind: 'refreshed', tokenSet: { expiresAt } });
  });

  it('tries the next client secret, and asks nobody where a new refresh token waits to be stored', async () => {
    rig.upstream.answer('/token', { body: { access_token: 'fixture-a', refresh_token: 'fixture-new' } });
    rig.upstream.answer('/introspect', { body: { active: true, exp: nowSeconds + 900 } });
    rig.upstream.enqueue('/introspect', { status: 401, body: { error: 'invalid_client' } });
    const clientSecrets = ['fixture-one', 'fixture-two'];
    const { tokenSet } = await rig.exchange(provider(), {}, { clientSecrets });
    expect(tokenSet.expiresAt).toBe(nowSeconds + 900);
    const before = rig.upstream.requests('/introspect').length;
    expect(await rig.refresh(provider())).toMatchObject({ isRotated: true, tokenSet: { expiresAt: nowSeconds + 50 } });
    expect(rig.upstream.requests('/introspect')).toHaveLength(before);
  });
});
