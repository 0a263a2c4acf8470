import { describe, expect, it } from 'vitest';
import { checkParameters, decodeInteger } from './codecs.js';

describe('integers', () => {
  it('come back as numbers up to 2^53 - 1 from text and number alike', () => {
    expect(decodeInteger('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER);
    expect(decodeInteger('-9007199254740991')).toBe(Number.MIN_SAFE_INTEGER);
    expect(decodeInteger(0)).toBe(0);
  });

  it.each(['9007199254740992', '9007199254740993', '-9007199254740992', '1.5', 'x', 2 ** 53])('refuse %s', (value) => {
    expect(() => decodeInteger(value)).toThrow(RangeError);
  });
});

describe('parameters', () => {
  it.each(['a\u0000b', '\u0000', '\ud800', 'x\udc00', '\udc00\ud800'])(
    'refuse text only one database would keep (%j)',
    (text) => {
      expect(() => checkParameters(['fine', text])).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    },
  );

  it.each([1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])('refuse the number %s', (number) => {
    expect(() => checkParameters([number])).toThrow(RangeError);
  });

  it('accept what both databases keep alike', () => {
    expect(() =>
      checkParameters(['', 'a\u0001\n', '😀', "'; --", 0, -1, Number.MAX_SAFE_INTEGER, null, Buffer.of(0)]),
    ).not.toThrow();
  });
});
