/**
 * Sealing with XChaCha20-Poly1305 and the random bytes it depends on.
 *
 * Nonce policy: 24 bytes from the random source for every message, no counters, nothing derived from ids. With 192-bit
 * random nonces a key may seal 2^72 messages before a repeat is likelier than 2^-48 (bound by n^2 / 2^193), so no
 * message counter guards a key. The cipher is not key-committing: callers choose the key by explicit id, never by trial.
 */
import { randomBytes } from 'node:crypto';
import { VaultError } from './key-provider.js';
import { type AeadInput, chooseAead, nativeAead } from './xchacha20-poly1305.js';

/** Returns `size` fresh unpredictable bytes, or throws. */
export type RandomSource = (size: number) => Uint8Array;

export const systemRandom: RandomSource = (size) => randomBytes(size);

/** @throws VaultError `random_failed` when the source throws or returns another number of bytes. */
export function drawRandom(random: RandomSource, size: number): Uint8Array {
  let bytes: unknown = null;
  try {
    bytes = random(size);
  } catch {
    // NOTE: the reason is dropped, because nothing is known about what a failing source quotes.
  }
  if (!(bytes instanceof Uint8Array) || bytes.length !== size) {
    throw new VaultError('random_failed', 'The random source failed; nothing was written.');
  }
  return new Uint8Array(bytes);
}

/** What the self-test of every start runs. */
const aead = chooseAead(nativeAead);

/** Returns ciphertext and tag. The caller guarantees that the nonce is fresh for the key. */
export function encryptBytes(input: AeadInput, plaintext: Uint8Array): Uint8Array {
  return aead.encrypt(input, plaintext);
}

/** Returns null when the tag does not fit, whichever of the inputs is the reason. */
export function tryDecryptBytes(input: AeadInput, ciphertext: Uint8Array): Uint8Array | null {
  try {
    return aead.decrypt(input, ciphertext);
  } catch {
    return null;
  }
}

/** As `tryDecryptBytes`. @throws VaultError `integrity` in place of null. */
export function decryptBytes(input: AeadInput, ciphertext: Uint8Array): Uint8Array {
  const plaintext = tryDecryptBytes(input, ciphertext);
  if (plaintext === null) {
    throw new VaultError('integrity', 'A sealed value does not authenticate: it was altered or moved.');
  }
  return plaintext;
}
