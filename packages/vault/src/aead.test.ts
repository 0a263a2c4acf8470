import { describe, expect, it } from 'vitest';
import { decryptBytes, drawRandom, encryptBytes, systemRandom } from './aead.js';
import { VaultError } from './key-provider.js';
import { createExampleKey, flipBit, readCode } from './vault-fixture.js';
import { keyLength, nonceLength, tagLength } from './xchacha20-poly1305.js';

const input = {
  key: createExampleKey('aead'),
  nonce: new Uint8Array(nonceLength).fill(3),
  associatedData: new TextEncoder().encode('row 1'),
};
const plaintext = new TextEncoder().encode('a token set');

describe('the cipher', () => {
  it('opens what it sealed and adds exactly the tag', () => {
    const ciphertext = encryptBytes(input, plaintext);
    expect(ciphertext.length).toBe(plaintext.length + tagLength);
    expect(decryptBytes(input, ciphertext)).toEqual(plaintext);
  });

  it('seals the empty text to a tag alone', () => {
    const ciphertext = encryptBytes(input, new Uint8Array(0));
    expect(ciphertext.length).toBe(tagLength);
    expect(decryptBytes(input, ciphertext)).toEqual(new Uint8Array(0));
  });

  it('leaves the plaintext of the caller unchanged', () => {
    const own = new Uint8Array(plaintext);
    encryptBytes(input, own);
    expect(own).toEqual(plaintext);
  });

  it('leaves the ciphertext of the caller unchanged, also when it is refused', () => {
    const ciphertext = encryptBytes(input, plaintext);
    const own = new Uint8Array(ciphertext);
    decryptBytes(input, own);
    expect(own).toEqual(ciphertext);
    const altered = flipBit(ciphertext, 0);
    const ownAltered = new Uint8Array(altered);
    expect(readCode(() => decryptBytes(input, ownAltered))).toBe('integrity');
    expect(ownAltered).toEqual(altered);
  });

  it.each([
    ['key', { ...input, key: flipBit(input.key, 31) }],
    ['nonce', { ...input, nonce: flipBit(input.nonce, 0) }],
    ['end of the nonce', { ...input, nonce: flipBit(input.nonce, 23) }],
    ['associated data', { ...input, associatedData: flipBit(input.associatedData, 4) }],
    ['empty associated data', { ...input, associatedData: new Uint8Array(0) }],
  ])('refuses another %s', (_name, other) => {
    const ciphertext = encryptBytes(input, plaintext);
    expect(readCode(() => decryptBytes(other, ciphertext))).toBe('integrity');
  });

  it('refuses every cut of the ciphertext', () => {
    const ciphertext = encryptBytes(input, plaintext);
    for (let length = 0; length < ciphertext.length; length++) {
      expect(readCode(() => decryptBytes(input, ciphertext.subarray(0, length)))).toBe('integrity');
    }
  });

  it('says nothing in the error about the bytes it was given', () => {
    const ciphertext = encryptBytes(input, plaintext);
    const error = (() => {
      try {
        decryptBytes(input, flipBit(ciphertext, 1));
      } catch (caught) {
        return caught;
      }
      return null;
    })();
    expect(error).toBeInstanceOf(VaultError);
    expect((error as VaultError).cause).toBeUndefined();
  });
});

describe('random bytes', () => {
  it('come from the system in the size asked for', () => {
    expect(drawRandom(systemRandom, keyLength).length).toBe(32);
    expect(drawRandom(systemRandom, nonceLength)).not.toEqual(drawRandom(systemRandom, nonceLength));
  });

  it('are a copy: a source that reuses its buffer cannot change them later', () => {
    const buffer = new Uint8Array(24).fill(1);
    const drawn = drawRandom(() => buffer, 24);
    buffer.fill(2);
    expect(drawn).toEqual(new Uint8Array(24).fill(1));
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('entropy pool said: 0011223344');
      },
    ],
    ['returns too few bytes', () => new Uint8Array(23)],
    ['returns too many bytes', () => new Uint8Array(25)],
    ['returns nothing', () => undefined as unknown as Uint8Array],
    ['returns an array of numbers', () => Array.from({ length: 24 }, () => 1) as unknown as Uint8Array],
    ['returns text', () => 'x'.repeat(24) as unknown as Uint8Array],
  ])('K5: fail the call when the source %s', (_name, random) => {
    expect(readCode(() => drawRandom(random, 24))).toBe('random_failed');
  });

  it('K12: do not carry what a failing source said', () => {
    const failing = () => {
      throw new Error('0011223344');
    };
    expect(() => drawRandom(failing, 24)).toThrow(/^The random source failed; nothing was written\.$/);
  });
});
