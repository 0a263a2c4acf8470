import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFields, encodeInteger, encodeText } from './associated-data.js';
import { readCode } from './vault-fixture.js';

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe('encodeInteger', () => {
  it.each([
    [0, 1, '00'],
    [255, 1, 'ff'],
    [0, 4, '00000000'],
    [1, 4, '00000001'],
    [0x01020304, 4, '01020304'],
    [0xffffffff, 4, 'ffffffff'],
    [0, 8, '0000000000000000'],
    [0x0102030405, 8, '0000000102030405'],
    [Number.MAX_SAFE_INTEGER, 8, '001fffffffffffff'],
  ] as const)('writes %d in %d bytes, big-endian', (value, width, hex) => {
    expect(toHex(encodeInteger(value, width))).toBe(hex);
  });

  it.each([
    [-1, 8],
    [0.5, 8],
    [Number.NaN, 8],
    [Number.POSITIVE_INFINITY, 8],
    [Number.MAX_SAFE_INTEGER + 1, 8],
    [256, 1],
    [0x1_0000_0000, 4],
  ] as const)('refuses %d for %d bytes', (value, width) => {
    expect(readCode(() => encodeInteger(value, width))).toBe('invalid_input');
  });

  it('refuses what is not a number at run time', () => {
    expect(readCode(() => encodeInteger('7' as unknown as number, 8))).toBe('invalid_input');
    expect(readCode(() => encodeInteger(7n as unknown as number, 8))).toBe('invalid_input');
  });

  it('keeps the order and identity of integers', () => {
    const version = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(version, version, (a, b) => {
        const order = Buffer.compare(encodeInteger(a, 8), encodeInteger(b, 8));
        expect(order).toBe(Math.sign(a - b) + 0);
      }),
    );
  });
});

describe('encodeText', () => {
  it.each([
    ['', ''],
    ['abc', '616263'],
    ['é', 'c3a9'],
    ['😀', 'f09f9880'],
    ['\u0000', '00'],
  ])('writes %j as UTF-8', (text, hex) => {
    expect(toHex(encodeText(text))).toBe(hex);
  });

  it('does not normalise: composed and decomposed letters differ', () => {
    expect(encodeText('\u00e9')).not.toEqual(encodeText('e\u0301'));
  });

  it.each(['\ud800', 'a\udc00b', '\udc00\ud800'])('refuses the lone surrogate in %j', (text) => {
    expect(readCode(() => encodeText(text))).toBe('invalid_input');
  });
});

describe('encodeFields', () => {
  it('precedes every field with its length in two bytes, big-endian', () => {
    const fields = [encodeText('ab'), encodeText(''), encodeInteger(7, 4)];
    expect(toHex(encodeFields(fields))).toBe('0002' + '6162' + '0000' + '0004' + '00000007');
  });

  it('gives no bytes for no fields', () => {
    expect(encodeFields([]).length).toBe(0);
  });

  it('accepts a field of 65,535 bytes and refuses a longer one', () => {
    const longest = encodeFields([new Uint8Array(0xffff)]);
    expect(longest.length).toBe(0xffff + 2);
    expect(toHex(longest.subarray(0, 2))).toBe('ffff');
    expect(readCode(() => encodeFields([new Uint8Array(0x10000)]))).toBe('invalid_input');
  });

  it('never gives the same bytes for two lists of fields', () => {
    const fields = fc.array(fc.string({ maxLength: 4, unit: 'binary-ascii' }), { maxLength: 4 });
    fc.assert(
      fc.property(fields, fields, (left, right) => {
        const isSameList = JSON.stringify(left) === JSON.stringify(right);
        const encode = (list: string[]) => toHex(encodeFields(list.map(encodeText)));
        expect(encode(left) === encode(right)).toBe(isSameList);
      }),
      { numRuns: 500 },
    );
  });

  it('tells lists apart that concatenate to the same text', () => {
    const encode = (...list: string[]) => toHex(encodeFields(list.map(encodeText)));
    const encodings = [encode('ab', 'c'), encode('a', 'bc'), encode('abc', ''), encode('', 'abc'), encode('abc')];
    expect(new Set(encodings).size).toBe(encodings.length);
  });
});
