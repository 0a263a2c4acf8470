import { describe, expect, it } from 'vitest';
import { computeDekCheckValue, computeHmac, computeKekCheckValue, deriveKey, equalBytes } from './derived-keys.js';
import { createExampleKey } from './vault-fixture.js';

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe('derived keys', () => {
  it('follow RFC 5869, appendix A.3 (empty salt)', () => {
    const expected = '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8';
    expect(toHex(deriveKey(new Uint8Array(22).fill(0x0b), '', 42))).toBe(expected);
  });

  it('differ by use', () => {
    const key = createExampleKey('derived');
    const uses = ['nexus/audit-hmac/v1', 'nexus/rt-fp/v1', 'nexus/dek-kcv/v1', 'nexus/kek-kcv/v1'];
    expect(new Set(uses.map((info) => toHex(deriveKey(key, info, 32)))).size).toBe(uses.length);
  });

  it('differ from the key they come from', () => {
    const key = createExampleKey('derived');
    expect(deriveKey(key, 'nexus/rt-fp/v1', 32)).not.toEqual(key);
  });
});

describe('key check values', () => {
  it('are 16 bytes that stay the same for a key', () => {
    const key = createExampleKey('check');
    expect(computeDekCheckValue(key).length).toBe(16);
    expect(computeDekCheckValue(key)).toEqual(computeDekCheckValue(new Uint8Array(key)));
  });

  it('keep their published values', () => {
    const key = new Uint8Array(32).fill(1);
    expect(toHex(computeDekCheckValue(key))).toBe('9f2d0fc9badfefc5d469451a274a75bd');
    expect(toHex(computeKekCheckValue(key))).toBe('2ea8f5da513c9448a7ceebfa43277a29');
  });

  it('differ between keys and between the two kinds of key', () => {
    const [a, b] = [createExampleKey('a'), createExampleKey('b')];
    expect(computeDekCheckValue(a)).not.toEqual(computeDekCheckValue(b));
    expect(computeDekCheckValue(a)).not.toEqual(computeKekCheckValue(a));
  });
});

describe('computeHmac', () => {
  it('follows RFC 4231, case 2', () => {
    const mac = computeHmac(Buffer.from('Jefe'), 'what do ya want for nothing?');
    expect(mac.toString('hex')).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });

  it('treats text as UTF-8', () => {
    const key = createExampleKey('hmac');
    expect(computeHmac(key, 'é')).toEqual(computeHmac(key, Uint8Array.of(0xc3, 0xa9)));
  });
});

describe('equalBytes', () => {
  it.each([
    [[], [], true],
    [[1, 2], [1, 2], true],
    [[1, 2], [1, 3], false],
    [[1, 2], [1, 2, 3], false],
    [[1, 2, 3], [1, 2], false],
  ])('compares %j with %j as %s', (left, right, isEqual) => {
    expect(equalBytes(Uint8Array.from(left), Uint8Array.from(right))).toBe(isEqual);
  });
});
