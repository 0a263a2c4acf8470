import { NexusError } from '@nexus/core/errors';
import { describe, expect, it } from 'vitest';
import { checkFormText } from './form-guard.js';
import { decodeUtf8, parseGuardedJson } from './json-guard.js';

function refusalOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof NexusError && error.code === 'invalid_request') return error.message;
    throw error;
  }
  return 'accepted';
}

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const nestedObjects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

describe('parseGuardedJson', () => {
  it.each([
    '{}',
    '[]',
    'null',
    '"text"',
    '-1.5e-3',
    '{"a":[1,"b",{"c":null,"d":true}],"e":{"a":"a"}}',
    ' { "a" : [ ] , "b" : "\\"\\\\\\n" } ',
    '{"emoji":"\\ud83d\\ude00 😀","nul":"\\\\u0000"}',
    '[{"a":1},{"a":1}]',
    nested(32),
  ])('accepts %s as JSON.parse does', (text) => {
    expect(parseGuardedJson(text)).toEqual(JSON.parse(text));
  });

  it.each([33, 1000, 500_000])('G2: refuses depth %i without recursion', (depth) => {
    expect(refusalOf(() => parseGuardedJson(nested(depth)))).toMatch(/deeper than 32/);
    expect(refusalOf(() => parseGuardedJson(nestedObjects(depth)))).toMatch(/deeper than 32/);
  });

  it('G2: refuses more than 1,000 keys and array entries, counted over the whole body', () => {
    const keys = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":1`).join(',')}}`;
    const strings = (count: number) => `[${Array.from({ length: count }, () => '"s"').join(',')}]`;
    expect(refusalOf(() => parseGuardedJson(keys(1000)))).toBe('accepted');
    expect(refusalOf(() => parseGuardedJson(strings(1000)))).toBe('accepted');
    expect(refusalOf(() => parseGuardedJson(keys(1001)))).toMatch(/more than 1000/);
    expect(refusalOf(() => parseGuardedJson(strings(1001)))).toMatch(/more than 1000/);
    expect(refusalOf(() => parseGuardedJson(`{"a":${keys(500)},"b":${strings(500)}}`))).toMatch(/more than 1000/);
    expect(refusalOf(() => parseGuardedJson(`[${'1,'.repeat(1000)}1]`))).toMatch(/more than 1000/);
  });

  it.each([
    ['a duplicate key', '{"a":1,"a":2}', /twice/],
    ['a duplicate key spelled by escapes', '{"a":1,"\\u0061":2}', /twice/],
    ['a duplicate key deeper down', '[{"b":{"a":1,"x":[{}],"a":2}}]', /twice/],
    ['a key named __proto__', '{"__proto__":{"a":1}}', /never a field/],
    ['an escaped key named __proto__', '{"\\u005f_proto__":{"a":1}}', /never a field/],
    ['an escaped NUL', '{"a":"x\\u0000"}', /NUL/],
    ['an escaped NUL in a key', '{"\\u0000":1}', /NUL/],
    ['a lone high surrogate', '"\\ud800"', /surrogate/],
    ['a high surrogate before text', '"\\ud83dx"', /surrogate/],
    ['two high surrogates', '"\\ud83d\\ud83d"', /surrogate/],
    ['a lone low surrogate', '"\\ude00"', /surrogate/],
    ['a number that overflows', '{"a":1e400}', /out of range/],
    ['a negative number that overflows', '[-1E999]', /out of range/],
    ['a long number that overflows', `[${'9'.repeat(400)}]`, /out of range/],
    ['a raw NUL', '{"a":"\u0000"}', /not valid JSON/],
    ['a byte order mark', '\ufeff{}', /not valid JSON/],
    ['a comment', '{}//', /not valid JSON/],
    ['two values', '{}{}', /not valid JSON/],
    ['a trailing comma', '[1,]', /not valid JSON/],
    ['an open string', '{"a', /not valid JSON/],
    ['an open escape', '"\\u00', /not valid JSON/],
    ['Infinity', '[Infinity]', /not valid JSON/],
    ['a closing bracket too many', '}]', /not valid JSON/],
    ['nothing', '', /not valid JSON/],
  ])('G3: refuses %s', (_name, text, message) => {
    expect(refusalOf(() => parseGuardedJson(text))).toMatch(message);
  });

  it.each([[0xc0, 0x80], [0xff], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]])(
    'G3: refuses bytes that are not UTF-8 (%#)',
    (...bytes) => {
      expect(refusalOf(() => decodeUtf8(Uint8Array.from([0x22, ...bytes, 0x22])))).toMatch(/UTF-8/);
    },
  );

  it('repeats nothing of the input in a refusal', () => {
    const error = (() => {
      try {
        return parseGuardedJson('{"canary-4711": canary-4711}');
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(NexusError);
    const { message, cause } = error as NexusError;
    expect(message + String(cause)).not.toContain('canary');
  });

  it.each([
    ['open brackets', '['.repeat(65_536)],
    ['quotes', '"'.repeat(65_536)],
    ['escapes', `"${'\\u0041'.repeat(10_900)}"`],
    ['one long number', '1'.repeat(65_536)],
    ['colons', ':'.repeat(65_536)],
    ['minus signs', '-'.repeat(65_536)],
    ['long equal keys', `{${Array.from({ length: 900 }, (_, i) => `"${'k'.repeat(60)}${i}":0`).join(',')}}`],
  ])('G8: costs less than 10 ms of CPU for 64 KiB of %s', (_name, text) => {
    refusalOf(() => parseGuardedJson(text));
    const before = process.cpuUsage();
    for (let round = 0; round < 10; round++) refusalOf(() => parseGuardedJson(text));
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 10 / 1000).toBeLessThan(10);
  });
});

describe('checkFormText', () => {
  it('accepts an ordinary form', () => {
    expect(refusalOf(() => checkFormText('api_key=a%2Bb+c&note=%C3%A4&empty=&bare'))).toBe('accepted');
  });

  it.each([
    ['a field twice', 'a=1&a=2'],
    ['a field twice by encoding', 'a=1&%61=2'],
    ['NUL', 'a=%00'],
    ['invalid UTF-8', 'a=%ff'],
    ['a broken escape', 'a=%zz'],
    ['too many fields', 'a&'.repeat(1001)],
  ])('G3: refuses %s', (_name, text) => {
    expect(refusalOf(() => checkFormText(text))).not.toBe('accepted');
  });
});
