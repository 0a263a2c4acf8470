import { canonicalJson, type JsonValue } from '@nexus/core/canonical-json';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openJson, sealJson } from './vault.js';
import { createExampleVault, exampleContext, readFailure } from './vault-fixture.js';

describe('sealJson and openJson', () => {
  it.each([
    ['an object', { refresh_token: 'r', expires_at: 5, scopes: ['a', 'b'] }],
    ['an empty object', {}],
    ['null', null],
    ['false', false],
    ['zero', 0],
    ['an empty text', ''],
    ['an array', [1, [2, null]]],
    ['text beyond ASCII', { name: 'Zoë 😀 \u2028' }],
    ['text that begins with a byte order mark', '\ufeffx'],
    ['a member named __proto__', JSON.parse('{"__proto__":1}') as JsonValue],
  ] satisfies [string, JsonValue][])('give back %s', async (_name, value) => {
    const vault = await createExampleVault();
    const opened = await openJson(vault, sealJson(vault, value, exampleContext), exampleContext);
    expect(canonicalJson(opened)).toBe(canonicalJson(value));
  });

  it('give back any JSON value', async () => {
    const vault = await createExampleVault();
    const json = fc.jsonValue({ stringUnit: 'grapheme' });
    await fc.assert(
      fc.asyncProperty(json, async (value) => {
        const opened = await openJson(vault, sealJson(vault, value as JsonValue, exampleContext), exampleContext);
        expect(canonicalJson(opened)).toBe(canonicalJson(value as JsonValue));
      }),
    );
  });

  it('seal the canonical form, whatever the order of members', async () => {
    const vault = await createExampleVault();
    const bytes = vault.open(sealJson(vault, { b: 1, a: [true, null] }, exampleContext), exampleContext);
    expect(new TextDecoder().decode(bytes)).toBe('{"a":[true,null],"b":1}');
  });

  it('hide by their length which kind of token a value holds', async () => {
    const vault = await createExampleVault();
    const lengths = ['a', 'a'.repeat(40), 'a'.repeat(200)].map(
      (token) => sealJson(vault, { access_token: token }, exampleContext).length,
    );
    expect(new Set(lengths).size).toBe(1);
  });

  it('refuse to seal what canonical JSON cannot hold', async () => {
    const vault = await createExampleVault();
    expect(() => sealJson(vault, { n: Number.NaN }, exampleContext)).toThrow(TypeError);
    expect(() => sealJson(vault, '\ud800', exampleContext)).toThrow(TypeError);
  });

  it('refuse another context', async () => {
    const vault = await createExampleVault();
    const blob = sealJson(vault, { a: 1 }, exampleContext);
    expect((await readFailure(openJson(vault, blob, { ...exampleContext, version: 8 }))).code).toBe('integrity');
  });

  it.each([
    ['no JSON', new TextEncoder().encode('hunter2 is not JSON')],
    ['nothing', new Uint8Array(0)],
    ['two values', new TextEncoder().encode('{} {}')],
    ['invalid UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['a byte order mark', Uint8Array.of(0xef, 0xbb, 0xbf, 0x31)],
  ])('K12: report %s as a failure of integrity, without quoting it', async (_name, plaintext) => {
    const vault = await createExampleVault();
    const blob = vault.seal(plaintext, exampleContext);
    const failure = await readFailure(openJson(vault, blob, exampleContext));
    expect(failure.code).toBe('integrity');
    expect(failure.message).toBe('A sealed value does not hold JSON.');
    expect(failure.cause).toBeUndefined();
  });
});
