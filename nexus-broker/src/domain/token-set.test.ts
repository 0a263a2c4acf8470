import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxLifetimeSeconds, mergeRefreshed, readTokenAnswer, refreshAfter, TokenAnswerError } from './token-set.js';

const receivedMs = 1_700_000_000_500;
const issued = 1_700_000_000;
const context = { impliedScope: 'read write', receivedMs };
const read = (answer: unknown) => readTokenAnswer(answer, context);
const parse = (json: string) => read(JSON.parse(json));

describe('token answers', () => {
  it('normalises a complete answer', () => {
    expect(
      read({
        access_token: 'a',
        refresh_token: 'r',
        id_token: 'i',
        token_type: 'bearer',
        scope: 'b a',
        expires_in: 60,
      }),
    ).toEqual({
      kind: 'oauth2',
      accessToken: 'a',
      refreshToken: 'r',
      idToken: 'i',
      tokenType: 'Bearer',
      scope: 'b a',
      expiresAt: issued + 60,
    });
  });

  it.each([
    ['missing', '{"access_token":"a"}', null],
    ['null', '{"access_token":"a","expires_in":null}', null],
    ['a number', '{"access_token":"a","expires_in":3600}', issued + 3600],
    ['a fraction', '{"access_token":"a","expires_in":3600.9}', issued + 3600],
    ['less than a second', '{"access_token":"a","expires_in":0.2}', issued + 1],
    ['a string', '{"access_token":"a","expires_in":"3600"}', issued + 3600],
    ['a padded string', '{"access_token":"a","expires_in":" 3600 "}', issued + 3600],
    ['1e400', '{"access_token":"a","expires_in":1e400}', null],
    ['"1e400"', '{"access_token":"a","expires_in":"1e400"}', null],
    ['10^12', '{"access_token":"a","expires_in":1000000000000}', issued + maxLifetimeSeconds],
    ['a word', '{"access_token":"a","expires_in":"never"}', null],
    ['hexadecimal', '{"access_token":"a","expires_in":"0x10"}', null],
    ['an empty string', '{"access_token":"a","expires_in":""}', null],
    ['a boolean', '{"access_token":"a","expires_in":true}', null],
    ['an object', '{"access_token":"a","expires_in":{}}', null],
    ['a list', '{"access_token":"a","expires_in":[3600]}', null],
  ])('R20: expires_in %s', (_case, json, expiresAt) => {
    expect(parse(json).expiresAt).toBe(expiresAt);
  });

  it.each(['0', '-1', '"0"', '"-3600"', '-1e300', '-0'])(
    'R20: refuses an answer that has expired already (%s)',
    (value) => {
      expect(() => parse(`{"access_token":"a","expires_in":${value}}`)).toThrow(TokenAnswerError);
    },
  );

  it('R20: whatever expires_in is, what is stored is null or a safe integer in the future', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.double(), fc.double().map(String), fc.bigInt().map(String)), (value) => {
        try {
          const { expiresAt } = read({ access_token: 'a', expires_in: value });
          if (expiresAt === null) return;
          expect(Number.isSafeInteger(expiresAt)).toBe(true);
          expect(expiresAt).toBeGreaterThan(issued);
          expect(expiresAt).toBeLessThanOrEqual(issued + maxLifetimeSeconds);
        } catch (error) {
          expect(error).toBeInstanceOf(TokenAnswerError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [undefined, 'read write'],
    [null, 'read write'],
    ['', ''],
    ['repo,user', 'repo user'],
    ['a, b,,c', 'a b c'],
    [' a  b\tc ', 'a b c'],
    ['a b a', 'a b'],
    [['channel:read', 'user:read'], 'channel:read user:read'],
    [[], ''],
  ])('reads scope %j as %j', (scope, expected) => {
    expect(read({ access_token: 'a', scope }).scope).toBe(expected);
  });

  it.each([undefined, null, '', 'bearer', 'Bearer', 'BEARER'])('reads token type %j as Bearer', (tokenType) => {
    expect(read({ access_token: 'a', token_type: tokenType }).tokenType).toBe('Bearer');
  });

  it.each([
    null,
    undefined,
    [],
    [{ access_token: 'a' }],
    'a',
    7,
    {},
    { access_token: '' },
    { access_token: null },
    { access_token: 7 },
    { access_token: ['a'] },
    { access_token: 'a\r\nx-evil: 1' },
    { access_token: 'a\u0000' },
    { access_token: 'ä' },
    { access_token: 'a', refresh_token: 7 },
    { access_token: 'a', id_token: {} },
    { access_token: 'a', token_type: 'mac' },
    { access_token: 'a', token_type: 'DPoP' },
    { access_token: 'a', scope: 7 },
    { access_token: 'a', scope: ['x', 7] },
  ])('R22: refuses %j, without repeating it', (answer) => {
    expect(() => read(answer)).toThrow(TokenAnswerError);
    expect(() => read(answer)).not.toThrow(/evil/);
  });

  it('R5: an answer without refresh token keeps the old one', () => {
    const previous = read({ access_token: 'a1', refresh_token: 'r1', id_token: 'i1', expires_in: 10 });
    for (const missing of [{}, { refresh_token: null }, { refresh_token: '' }]) {
      const merged = mergeRefreshed(previous, read({ access_token: 'a2', ...missing }));
      expect(merged).toMatchObject({ accessToken: 'a2', refreshToken: 'r1', idToken: 'i1', expiresAt: null });
    }
    expect(mergeRefreshed(previous, read({ access_token: 'a2', refresh_token: 'r2' })).refreshToken).toBe('r2');
  });
});

describe('refresh schedule', () => {
  it('lies at 70 to 85 % of the lifetime, five minutes before the end of a longer one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: maxLifetimeSeconds }),
        fc.string(),
        fc.integer({ min: 0, max: 1e6 }),
        (lifetime, ref, version) => {
          const issuedMs = issued * 1000;
          const due = refreshAfter(issuedMs, issued + lifetime, ref, version) ?? Number.NaN;
          const share = (due - issuedMs) / (lifetime * 1000);
          expect(share).toBeLessThanOrEqual(0.85);
          expect(Number.isInteger(due)).toBe(true);
          if (lifetime > 900) expect((issued + lifetime) * 1000 - due).toBeGreaterThanOrEqual(300_000);
          if (lifetime > 2000 || lifetime <= 900) expect(share).toBeGreaterThanOrEqual(0.7 - 0.001);
        },
      ),
    );
  });

  it('R14: spreads grants that were issued together', () => {
    const refs = Array.from({ length: 1000 }, (_, index) => `connection-${index}`);
    const tenths = refs.map((ref) => {
      const due = refreshAfter(0, 3600, ref, 1) ?? 0;
      return Math.floor((due / 3_600_000 - 0.7) / 0.015);
    });
    for (let tenth = 0; tenth < 10; tenth++) {
      expect(tenths.filter((value) => value === tenth).length).toBeGreaterThan(50);
    }
    expect(refreshAfter(0, 3600, 'a', 1)).not.toBe(refreshAfter(0, 3600, 'a', 2));
  });

  it('has nothing to schedule for a token without an end, and does not run backwards', () => {
    expect(refreshAfter(receivedMs, null, 'a', 1)).toBeNull();
    expect(refreshAfter(receivedMs, issued - 100, 'a', 1)).toBeLessThanOrEqual(receivedMs);
  });
});
