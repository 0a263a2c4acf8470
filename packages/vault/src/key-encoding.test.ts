import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64, kekIdPattern } from './key-encoding.js';

describe('decodeBase64', () => {
  it('gives back any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(decodeBase64(Buffer.from(bytes).toString('base64'))).toEqual(bytes);
      }),
    );
  });

  it.each([
    ['without padding', 'AAA'],
    ['with too much padding', 'AAAA===='],
    ['with stray bits', 'AAB='],
    ['with stray bits before two signs of padding', 'AB=='],
    ['in the URL alphabet', '_-8='],
    ['with white space', 'AA AA'],
    ['with a line break at its end', 'AAAA\n'],
    ['with padding inside', 'AA==AAAA'],
    ['that is no base64', '!!!!'],
  ])('refuses text %s', (_name, text) => {
    expect(decodeBase64(text)).toBeNull();
  });
});

describe('the id of a key in a file', () => {
  it.each(['a', 'kek-2026-01-02-00ff', 'A.b_c-9', 'k'.repeat(64)])('may be %s', (id) => {
    expect(kekIdPattern.test(id)).toBe(true);
  });

  it.each(['', '-a', '.a', 'a b', 'a/b', 'a\n', 'é', 'k'.repeat(65)])('may not be %j', (id) => {
    expect(kekIdPattern.test(id)).toBe(false);
  });
});
