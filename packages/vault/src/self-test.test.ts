import { describe, expect, it } from 'vitest';
import { decryptBytes, encryptBytes, systemRandom } from './aead.js';
import { runSelfTest } from './self-test.js';
import { createCountingRandom, flipBit, readCode } from './vault-fixture.js';

const deps = { random: systemRandom, encrypt: encryptBytes, decrypt: decryptBytes };

describe('the self-test', () => {
  it('passes with the cipher and the random source of this process', () => {
    expect(readCode(() => runSelfTest(deps))).toBe('done');
    expect(readCode(() => runSelfTest({ ...deps, random: createCountingRandom() }))).toBe('done');
  });

  it('K5: fails when the random source throws', () => {
    const random = () => {
      throw new Error('no entropy');
    };
    expect(readCode(() => runSelfTest({ ...deps, random }))).toBe('random_failed');
  });

  it('K5: fails when the random source is stuck', () => {
    expect(readCode(() => runSelfTest({ ...deps, random: (size) => new Uint8Array(size) }))).toBe('random_failed');
    expect(readCode(() => runSelfTest({ ...deps, random: (size) => new Uint8Array(size).fill(7) }))).toBe(
      'random_failed',
    );
  });

  it('fails when the cipher gives another ciphertext than published', () => {
    const encrypt: typeof encryptBytes = (input, plaintext) => flipBit(encryptBytes(input, plaintext), 5);
    expect(readCode(() => runSelfTest({ ...deps, encrypt }))).toBe('self_test_failed');
  });

  it('fails when the cipher gives another plaintext than published', () => {
    const decrypt: typeof decryptBytes = (input, ciphertext) => flipBit(decryptBytes(input, ciphertext), 5);
    expect(readCode(() => runSelfTest({ ...deps, decrypt }))).toBe('self_test_failed');
  });

  it('fails when the cipher does not check the tag', () => {
    const decrypt: typeof decryptBytes = (input, ciphertext) => {
      try {
        return decryptBytes(input, ciphertext);
      } catch {
        return new Uint8Array(ciphertext.length - 16);
      }
    };
    expect(readCode(() => runSelfTest({ ...deps, decrypt }))).toBe('self_test_failed');
  });
});
