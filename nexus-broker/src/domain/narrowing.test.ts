import { describe, expect, it } from 'vitest';
import { hasSameToken } from './connection.js';
import type { OauthCredential } from './credential.js';
import { isNarrowed, isNarrowingRefused } from './narrowing.js';

function credential(accessToken: string, scope: string): OauthCredential {
  return {
    kind: 'oauth2',
    accessToken,
    refreshToken: null,
    tokenType: 'Bearer',
    idToken: null,
    scope,
    expiresAt: null,
  };
}

const own = credential('own', 'read write offline_access');

describe('isNarrowed', () => {
  it.each([
    ['what was asked for', 'read', true],
    ['a scope that says nothing', '', false],
    ['offline_access beside it, which is no access', 'read offline_access', true],
    ['more', 'read write', false],
    ['something else', 'admin', false],
    ['the same word in another case', 'READ', false],
  ])('%s', (_case, scope, expected) => {
    expect(isNarrowed(credential('minted', scope), own, ['read'])).toBe(expected);
  });

  it('does not believe that the token at hand can do less than before', () => {
    expect(isNarrowed(credential('own', 'read'), own, ['read'])).toBe(false);
  });
});

describe('isNarrowingRefused', () => {
  it.each(['invalid_scope', 'unauthorized_client', 'unsupported_grant_type', 'invalid_target', 'access_denied'])(
    '%s, both ways',
    (upstreamError) => {
      for (const via of ['refresh', 'token_exchange'] as const) {
        for (const upstreamStatus of [200, 400, 401, 403]) {
          expect(isNarrowingRefused(via, { upstreamError, upstreamStatus })).toBe(true);
        }
        for (const upstreamStatus of [null, 201, 302, 429, 500, 503]) {
          expect(isNarrowingRefused(via, { upstreamError, upstreamStatus })).toBe(false);
        }
      }
    },
  );

  it('invalid_request says that nothing can be exchanged, and nothing of a refresh', () => {
    const failure = { upstreamError: 'invalid_request', upstreamStatus: 400 };
    expect(isNarrowingRefused('token_exchange', failure)).toBe(true);
    expect(isNarrowingRefused('refresh', failure)).toBe(false);
  });

  it.each([null, 'invalid_grant', 'invalid_client', 'server_error'])('%s does not', (upstreamError) => {
    expect(isNarrowingRefused('refresh', { upstreamError, upstreamStatus: 400 })).toBe(false);
    expect(isNarrowingRefused('token_exchange', { upstreamError, upstreamStatus: 400 })).toBe(false);
  });
});

describe('hasSameToken', () => {
  const token = { accessExpiresAt: 1_900_000_000, refreshAfter: 1_899_999_000_000, lastRefreshAt: null };

  it('is true as long as nothing of the token has changed', () => {
    expect(hasSameToken(token, { ...token })).toBe(true);
    expect(hasSameToken(token, { ...token, accessExpiresAt: 1_900_000_001 })).toBe(false);
    expect(hasSameToken(token, { ...token, refreshAfter: null })).toBe(false);
    expect(hasSameToken(token, { ...token, lastRefreshAt: '2026-01-01T00:00:00.000Z' })).toBe(false);
  });
});
