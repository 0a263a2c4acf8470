import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chainStart, computeLinkHash, hashEntry, LinkHasher } from './chain.js';

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const links = fc.record({
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  prevHash: bytes32,
  entryHash: bytes32,
  mac: bytes32,
  macKey: fc.integer({ min: 0, max: 0xffff_ffff }),
});
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('the hash of a link', () => {
  it('is what docs/audit/format.md says', () => {
    const [prevHash, entryHash, mac] = [chainStart, Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const input = Buffer.from(
      `00${'00'.repeat(32)}${'01'.repeat(32)}${'02'.repeat(32)}00000007${'0'.repeat(14)}2a`,
      'hex',
    );
    const expected = createHash('sha256').update(input).digest('hex');
    expect(toHex(computeLinkHash({ seq: 42, prevHash, entryHash, mac, macKey: 7 }))).toBe(expected);
  });

  it('changes with every part', () => {
    fc.assert(
      fc.property(links, links, (one, other) => {
        const isSame = JSON.stringify(one) === JSON.stringify(other);
        expect(toHex(computeLinkHash(one)) === toHex(computeLinkHash(other))).toBe(isSame);
        for (const part of ['seq', 'prevHash', 'entryHash', 'mac', 'macKey'] as const) {
          const mixed = { ...one, [part]: other[part] };
          const isEqual = JSON.stringify(mixed) === JSON.stringify(one);
          expect(toHex(computeLinkHash(mixed)) === toHex(computeLinkHash(one))).toBe(isEqual);
        }
      }),
    );
  });

  it('is the same from hex, and null for what is no hash', () => {
    const hasher = new LinkHasher();
    fc.assert(
      fc.property(links, (link) => {
        const hex = { ...link, prevHash: toHex(link.prevHash), entryHash: toHex(link.entryHash), mac: toHex(link.mac) };
        expect(hasher.compute(hex)).toBe(toHex(computeLinkHash(link)));
        for (const wrong of ['', 'ab', `${hex.mac.slice(0, 62)}zz`, `${hex.mac}00`]) {
          expect(hasher.compute({ ...hex, mac: wrong })).toBeNull();
        }
        expect([hasher.compute({ ...hex, seq: 0 }), hasher.compute({ ...hex, macKey: -1 })]).toEqual([null, null]);
      }),
    );
  });

  it('is not computed over values of another length', () => {
    const link = { seq: 1, prevHash: chainStart, entryHash: chainStart, mac: chainStart, macKey: 1 };
    expect(() => computeLinkHash({ ...link, mac: new Uint8Array(31) })).toThrow(RangeError);
    expect(() => computeLinkHash({ ...link, prevHash: new Uint8Array(33) })).toThrow(RangeError);
  });
});

it('an entry is hashed as UTF-8', () => {
  expect(toHex(hashEntry('{"a":"ü🔑"}'))).toBe(createHash('sha256').update(Buffer.from('{"a":"ü🔑"}')).digest('hex'));
});
