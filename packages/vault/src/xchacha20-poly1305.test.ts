import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BlobVectors, encodeAad, padPlaintext } from './blob-vectors-fixture.js';
import { createExampleKey, flipBit } from './vault-fixture.js';
import { type Aead, chooseAead, nativeAead, nonceLength, referenceAead, tagLength } from './xchacha20-poly1305.js';

/** draft-irtf-cfrg-xchacha-03, appendix A.3.1. */
const published = {
  input: {
    key: Buffer.from('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f', 'hex'),
    nonce: Buffer.from('404142434445464748494a4b4c4d4e4f5051525354555657', 'hex'),
    associatedData: Buffer.from('50515253c0c1c2c3c4c5c6c7', 'hex'),
  },
  plaintext: Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  ),
  tag: 'c0875924c1c7987947deafd8780acf49',
};

/** Not below this many runs, each of another size. */
const runs = 1000;

const inputs = fc.record({
  key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  nonce: fc.uint8Array({ minLength: 24, maxLength: 24 }),
  associatedData: fc.uint8Array({ maxLength: 300, size: 'max' }),
});
const seeds = fc.record({ length: fc.integer({ min: 0, max: 20 * 1024 }), byte: fc.nat(255), step: fc.nat(255) });

function fill({ length, byte, step }: { length: number; byte: number; step: number }): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => byte + index * step);
}

function opens(aead: Aead, input: Parameters<Aead['decrypt']>[0], ciphertext: Uint8Array): boolean {
  try {
    aead.decrypt(input, ciphertext);
    return true;
  } catch {
    return false;
  }
}

describe.each([referenceAead, nativeAead])('XChaCha20-Poly1305, $name', (aead) => {
  it('computes the published vector', () => {
    const sealed = aead.encrypt(published.input, published.plaintext);
    expect(
      Buffer.from(sealed)
        .toString('hex')
        .slice(-2 * tagLength),
    ).toBe(published.tag);
    expect(Buffer.from(aead.decrypt(published.input, sealed))).toEqual(published.plaintext);
  });

  it('computes every published blob that is good, and refuses the body of every one that is bad', async () => {
    const path = new URL('../vectors/blob-v1.json', import.meta.url);
    const { keys, good, bad } = JSON.parse(await readFile(path, 'utf8')) as BlobVectors;
    const keyOf = (id: number) => Buffer.from(keys.find((entry) => entry.id === id)?.key ?? '', 'hex');
    for (const { key_id: keyId, nonce, context, plaintext, blob } of good) {
      const input = { key: keyOf(keyId), nonce: Buffer.from(nonce, 'hex'), associatedData: encodeAad(keyId, context) };
      const body = aead.encrypt(input, padPlaintext(Buffer.from(plaintext, 'hex')));
      expect(Buffer.from(body).toString('hex')).toBe(blob.slice(64));
    }
    const judged = bad.filter(({ name, blob }) => !name.startsWith('authentic') && blob.length > 64);
    const refused = judged.filter(({ blob, context }) => {
      const bytes = Buffer.from(blob, 'hex');
      const keyId = bytes.readUInt32BE(4);
      // What only the header gives away has a body that would authenticate; the vault refuses it before.
      const isOfHeader = bytes.readUInt32BE(0) !== 0x4e580101;
      const input = { key: keyOf(keyId), nonce: bytes.subarray(8, 32), associatedData: encodeAad(keyId, context) };
      return isOfHeader || !opens(aead, input, bytes.subarray(32));
    });
    expect(refused.length).toBe(judged.length);
    expect(judged.length).toBeGreaterThan(30);
  });

  it('takes key, nonce and data at any alignment', () => {
    const shift = (bytes: Uint8Array, by: number) => {
      const wide = new Uint8Array(bytes.length + by);
      wide.set(bytes, by);
      return wide.subarray(by);
    };
    for (const by of [0, 1, 2, 3, 5]) {
      const { key, nonce, associatedData } = published.input;
      const shifted = {
        key: shift(key, by),
        nonce: shift(nonce, by),
        associatedData: shift(associatedData, by),
      };
      const sealed = aead.encrypt(shifted, shift(published.plaintext, by));
      expect(
        Buffer.from(sealed)
          .toString('hex')
          .slice(-2 * tagLength),
      ).toBe(published.tag);
      expect(Buffer.from(aead.decrypt(shifted, shift(sealed, by)))).toEqual(published.plaintext);
    }
  });

  it('changes none of its inputs', () => {
    const input = {
      key: createExampleKey('a'),
      nonce: new Uint8Array(nonceLength).fill(4),
      associatedData: Uint8Array.of(1, 2),
    };
    const copy = structuredClone(input);
    const plaintext = new Uint8Array(300).fill(9);
    const sealed = aead.encrypt(input, plaintext);
    const sealedCopy = new Uint8Array(sealed);
    aead.decrypt(input, sealed);
    expect(input).toEqual(copy);
    expect(plaintext).toEqual(new Uint8Array(300).fill(9));
    expect(sealed).toEqual(sealedCopy);
  });

  it.each([
    ['a key of 31 bytes', { ...published.input, key: new Uint8Array(31) }],
    ['a key of 33 bytes', { ...published.input, key: new Uint8Array(33) }],
    ['an empty key', { ...published.input, key: new Uint8Array(0) }],
    ['a nonce of 12 bytes', { ...published.input, nonce: new Uint8Array(12) }],
    ['a nonce of 25 bytes', { ...published.input, nonce: new Uint8Array(25) }],
  ])('refuses %s', (_name, input) => {
    expect(() => aead.encrypt(input, new Uint8Array(1))).toThrow();
    expect(() => aead.decrypt(input, new Uint8Array(17))).toThrow();
  });

  it('uses all 24 bytes of the nonce and all 32 of the key', () => {
    const sealed = aead.encrypt(published.input, published.plaintext);
    for (let position = 0; position < 32; position++) {
      expect(opens(aead, { ...published.input, key: flipBit(published.input.key, position) }, sealed)).toBe(false);
    }
    for (let position = 0; position < nonceLength; position++) {
      const nonce = flipBit(published.input.nonce, position);
      expect(opens(aead, { ...published.input, nonce }, sealed)).toBe(false);
      expect(aead.encrypt({ ...published.input, nonce }, published.plaintext)).not.toEqual(sealed);
    }
  });
});

describe('the native cipher and the reference', () => {
  it('give the same bytes for any input, and open what the other sealed', () => {
    fc.assert(
      fc.property(inputs, seeds, (input, seed) => {
        const plaintext = fill(seed);
        const [native, reference] = [nativeAead.encrypt(input, plaintext), referenceAead.encrypt(input, plaintext)];
        expect(Buffer.compare(native, reference)).toBe(0);
        expect(Buffer.compare(nativeAead.decrypt(input, reference), plaintext)).toBe(0);
        expect(Buffer.compare(referenceAead.decrypt(input, native), plaintext)).toBe(0);
      }),
      { numRuns: runs },
    );
  });

  it('give the same bytes at every length around the blocks of the cipher', () => {
    const input = { ...published.input, associatedData: new Uint8Array(0) };
    for (let length = 0; length <= 400; length++) {
      const plaintext = new Uint8Array(length).fill(length);
      const native = nativeAead.encrypt(input, plaintext);
      expect(Buffer.compare(native, referenceAead.encrypt(input, plaintext))).toBe(0);
      expect(Buffer.compare(nativeAead.decrypt(input, native), plaintext)).toBe(0);
    }
  });

  it('K2: both refuse what was altered anywhere', () => {
    fc.assert(
      fc.property(inputs, seeds, fc.nat(), fc.nat(7), (input, seed, at, bit) => {
        const sealed = nativeAead.encrypt(input, fill(seed));
        const altered = flipBit(sealed, at % sealed.length, bit);
        const otherData = Uint8Array.of(...input.associatedData, 0);
        for (const aead of [nativeAead, referenceAead]) {
          expect(opens(aead, input, sealed)).toBe(true);
          expect(opens(aead, input, altered)).toBe(false);
          expect(opens(aead, input, sealed.subarray(0, at % sealed.length))).toBe(false);
          expect(opens(aead, { ...input, associatedData: otherData }, sealed)).toBe(false);
          expect(opens(aead, { ...input, nonce: flipBit(input.nonce, at % nonceLength, bit) }, sealed)).toBe(false);
          expect(opens(aead, { ...input, key: flipBit(input.key, at % 32, bit) }, sealed)).toBe(false);
        }
      }),
      { numRuns: runs },
    );
  });

  it('K2: both refuse what is shorter than a tag', () => {
    for (const aead of [nativeAead, referenceAead]) {
      for (let length = 0; length < tagLength; length++) {
        expect(opens(aead, published.input, new Uint8Array(length))).toBe(false);
      }
    }
  });
});

describe('the choice', () => {
  it('is the native cipher where the runtime has it, as every supported one does', () => {
    expect(chooseAead(nativeAead)).toBe(nativeAead);
  });

  it('is the reference where the runtime has none', () => {
    const missing: Aead = {
      ...nativeAead,
      encrypt: () => {
        throw new Error('Unknown cipher');
      },
    };
    expect(chooseAead(missing)).toBe(referenceAead);
  });
});
