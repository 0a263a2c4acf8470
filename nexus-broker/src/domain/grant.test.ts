import { toInstant } from '@nexus/core/clock';
import { describe, expect, it } from 'vitest';
import type { OauthCredential } from './credential.js';
import { isTooEarly, mayPresent, refreshDueAt } from './grant.js';
import { defaultRefreshPolicy, type RefreshPolicy } from './profile-quirks.js';

const issuedMs = 1_700_000_000_000;
const issued = issuedMs / 1_000;

function due(lifetime: number | null, policy: Partial<RefreshPolicy>, changes: Partial<OauthCredential> = {}) {
  const credential: OauthCredential = {
    kind: 'oauth2',
    accessToken: 'fixture-a',
    refreshToken: 'fixture-r',
    tokenType: 'Bearer',
    idToken: null,
    scope: '',
    expiresAt: lifetime === null ? null : issued + lifetime,
    ...changes,
  };
  const at = refreshDueAt(credential, issuedMs, 'ref', 1, { ...defaultRefreshPolicy, ...policy });
  return at === null ? null : (at - issuedMs) / 1_000;
}

describe('when a refresh is due', () => {
  it('is a usual share of the lifetime where the profile says nothing', () => {
    expect(due(3_600, {})).toBeGreaterThanOrEqual(0.7 * 3_600);
    expect(due(3_600, {})).toBeLessThanOrEqual(0.85 * 3_600);
    expect(due(null, {})).toBeNull();
    expect(due(3_600, {}, { refreshToken: null })).toBeNull();
  });

  it.each([
    ['a margin before the end', 3_600, { marginSeconds: 300 }, 3_300],
    ['a margin that is long for the token', 600, { marginSeconds: 300 }, 420],
    ['not before the provider accepts it', 3_600, { earliestSeconds: 30 }, 3_570],
    ['not before, whatever the margin is', 3_600, { earliestSeconds: 30, marginSeconds: 900 }, 3_570],
    ['not before the token is old enough', 100_000, { minAgeSeconds: 86_400, marginSeconds: 90_000 }, 86_400],
    ['at the end at the latest', 3_600, { minAgeSeconds: 86_400 }, 3_600],
    ['never where none is supported', 3_600, { isSupported: false }, null],
  ])('%s', (_case, lifetime, policy, expected) => {
    expect(due(lifetime, policy)).toBe(expected);
  });

  it('is never where the refresh token has ended by then', () => {
    const policy = { absoluteLifetimeSeconds: 86_400, marginSeconds: 60 };
    expect(due(3_600, policy, { consentedAt: issued })).toBe(3_540);
    expect(due(3_600, policy, { consentedAt: issued - 86_000 })).toBeNull();
    expect(due(3_600, policy)).toBe(3_540);
  });
});

it('a refresh token is of use until its absolute end', () => {
  const policy = { ...defaultRefreshPolicy, absoluteLifetimeSeconds: 100 };
  const held = { refreshToken: 'fixture-r', consentedAt: issued };
  expect(mayPresent(held, policy, issuedMs + 99_999)).toBe(true);
  expect(mayPresent(held, policy, issuedMs + 100_000)).toBe(false);
  expect(mayPresent(held, defaultRefreshPolicy, issuedMs + 100_000)).toBe(true);
  expect(mayPresent({ ...held, refreshToken: null }, defaultRefreshPolicy, issuedMs)).toBe(false);
  expect(mayPresent(held, { ...policy, isSupported: false }, issuedMs)).toBe(false);
});

describe('too early for the provider', () => {
  const connection = { accessExpiresAt: issued + 600, updatedAt: toInstant(issuedMs) };
  const early = (policy: Partial<RefreshPolicy>, afterSeconds: number) =>
    isTooEarly(connection, { ...defaultRefreshPolicy, ...policy }, issuedMs + afterSeconds * 1_000);

  it.each([
    ['any time', {}, 0, false],
    ['before the last seconds', { earliestSeconds: 30 }, 569, true],
    ['in the last seconds', { earliestSeconds: 30 }, 570, false],
    ['too young', { minAgeSeconds: 100 }, 99, true],
    ['old enough', { minAgeSeconds: 100 }, 100, false],
    ['expired, however young', { minAgeSeconds: 86_400 }, 600, false],
    ['never supported, while the token lives', { isSupported: false }, 599, true],
    ['never supported, once it has expired', { isSupported: false }, 600, false],
  ])('%s', (_case, policy, after, expected) => {
    expect(early(policy, after)).toBe(expected);
  });
});
