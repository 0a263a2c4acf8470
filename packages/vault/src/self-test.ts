/**
 * What is checked before the first value is sealed: the random source gives bytes that change, and the cipher computes
 * a published vector and refuses an altered one. Key check values are compared where the ring is unwrapped.
 */
import { type decryptBytes, drawRandom, type encryptBytes, type RandomSource } from './aead.js';
import { equalBytes } from './derived-keys.js';
import { VaultError } from './key-provider.js';
import { nonceLength } from './xchacha20-poly1305.js';

interface SelfTestDeps {
  readonly random: RandomSource;
  readonly encrypt: typeof encryptBytes;
  readonly decrypt: typeof decryptBytes;
}

/** draft-irtf-cfrg-xchacha-03, appendix A.3.1. */
const vector = {
  key: Buffer.from('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f', 'hex'),
  nonce: Buffer.from('404142434445464748494a4b4c4d4e4f5051525354555657', 'hex'),
  associatedData: Buffer.from('50515253c0c1c2c3c4c5c6c7', 'hex'),
  plaintext: Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  ),
  sealed: Buffer.from(
    'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216' +
      'cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13' +
      'b52ec0875924c1c7987947deafd8780acf49',
    'hex',
  ),
};

function refusesAlteredVector(decrypt: typeof decryptBytes): boolean {
  const altered = new Uint8Array(vector.sealed);
  altered[0] = (altered[0] ?? 0) ^ 1;
  try {
    decrypt(vector, altered);
    return false;
  } catch {
    return true;
  }
}

/** @throws VaultError `random_failed` or `self_test_failed`. */
export function runSelfTest(deps: SelfTestDeps): void {
  if (equalBytes(drawRandom(deps.random, nonceLength), drawRandom(deps.random, nonceLength))) {
    throw new VaultError('random_failed', 'The random source repeats itself; nothing can be sealed with it.');
  }
  const isRight =
    equalBytes(deps.encrypt(vector, vector.plaintext), vector.sealed) &&
    equalBytes(deps.decrypt(vector, vector.sealed), vector.plaintext) &&
    refusesAlteredVector(deps.decrypt);
  if (!isRight) throw new VaultError('self_test_failed', 'The cipher of this process does not pass its self-test.');
}
