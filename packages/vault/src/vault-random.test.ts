import { describe, expect, it } from 'vitest';
import { drawRandom, type RandomSource, systemRandom } from './aead.js';
import { asSealedBlob } from './vault.js';
import { createCountingRandom, createExampleVault, exampleContext, readCode } from './vault-fixture.js';
import { nonceLength } from './xchacha20-poly1305.js';

const text = new TextEncoder().encode('x');

/** A random source that works until told to fail, as a vault needs one to open. */
function createFailingRandom(failure: () => Uint8Array): { random: RandomSource; fail: () => void } {
  const working = createCountingRandom();
  let isFailing = false;
  return {
    random: (size) => (isFailing ? failure() : working(size)),
    fail: () => {
      isFailing = true;
    },
  };
}

describe('nonces', () => {
  it('K5: are 192 fresh bits for each of 20,000 values under one key', async () => {
    const vault = await createExampleVault();
    const seen = new Set<string>();
    for (let count = 0; count < 20_000; count++) {
      seen.add(Buffer.from(vault.seal(text, exampleContext)).subarray(8, 32).toString('latin1'));
    }
    expect(seen.size).toBe(20_000);
  });

  it('K5: repeat in none of 1,000,000 draws', () => {
    // Of 64 bits each, which a repeated nonce would share and a fresh one shares with a chance of 1 in 3 * 10^7.
    const starts = BigUint64Array.from({ length: 1_000_000 }, () => {
      const nonce = drawRandom(systemRandom, nonceLength);
      return new DataView(nonce.buffer, nonce.byteOffset).getBigUint64(8);
    }).sort();
    let repeats = 0;
    for (let index = 1; index < starts.length; index++) if (starts[index] === starts[index - 1]) repeats += 1;
    expect(repeats).toBe(0);
  }, 120_000);

  it('K5: differ between vaults opened from the same ring', async () => {
    const [one, two] = [await createExampleVault(), await createExampleVault()];
    const readNonce = (blob: Uint8Array) => Buffer.from(blob.subarray(8, 32)).toString('hex');
    expect(readNonce(one.seal(text, exampleContext))).not.toBe(readNonce(two.seal(text, exampleContext)));
  });

  it('K5: do not depend on the plaintext or its context', async () => {
    const draw = async (plaintext: Uint8Array, version: number) => {
      const vault = await createExampleVault([], { random: createCountingRandom() });
      return vault.seal(plaintext, { ...exampleContext, version }).slice(8, 32);
    };
    expect(await draw(text, 1)).toEqual(await draw(new Uint8Array(400), 2));
  });

  it('K5: vary every byte of the nonce', async () => {
    const vault = await createExampleVault();
    const values = Array.from({ length: 24 }, () => new Set<number>());
    for (let count = 0; count < 200; count++) {
      const blob = vault.seal(text, exampleContext);
      for (const [index, set] of values.entries()) set.add(blob[8 + index] ?? -1);
    }
    expect(Math.min(...values.map((set) => set.size))).toBeGreaterThan(50);
  });

  it('give two different blobs for the same value', async () => {
    const vault = await createExampleVault();
    const [one, two] = [vault.seal(text, exampleContext), vault.seal(text, exampleContext)];
    expect(Buffer.compare(one.subarray(32), two.subarray(32))).not.toBe(0);
  });
});

describe('a random source that fails while running', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('no entropy');
      },
    ],
    ['gives too few bytes', () => new Uint8Array(12)],
    ['gives none', () => new Uint8Array(0)],
  ])('K5: fails the call when it %s, and seals nothing', async (_name, failure) => {
    const { random, fail } = createFailingRandom(failure);
    const sealedUnder: number[] = [];
    const vault = await createExampleVault([], { random, onSeal: (keyId) => sealedUnder.push(keyId) });
    fail();
    expect(readCode(() => vault.seal(text, exampleContext))).toBe('random_failed');
    expect(sealedUnder).toEqual([]);
  });

  it('K5: does not stop opening, which needs no random bytes', async () => {
    const { random, fail } = createFailingRandom(() => new Uint8Array(0));
    const vault = await createExampleVault([], { random });
    const blob = vault.seal(text, exampleContext);
    fail();
    expect(vault.open(asSealedBlob(blob), exampleContext)).toEqual(text);
  });
});
