/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) and the random bytes it depends on.
 *
 * Nonce policy: 24 bytes from the random source for every message, no counters, nothing derived from ids. With 192-bit
 * random nonces a key may seal 2^72 messages before a repeat is likelier than 2^-48 (bound by n^2 / 2^193), so no
 * message counter guards a key. The cipher is not key-committing: callers choose the key by explicit id, never by trial.
 */
import { randomBytes } from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { VaultError } from './key-provider.js';

export const keyLength = 32;
export const nonceLength = 24;
export const tagLength = 16;

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

interface AeadInput {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly associatedData: Uint8Array;
}

/** Returns ciphertext and tag. The caller guarantees that the nonce is fresh for the key. */
export function encryptBytes(input: AeadInput, plaintext: Uint8Array): Uint8Array {
  return xchacha20poly1305(input.key, input.nonce, input.associatedData).encrypt(plaintext);
}

/** Returns null when the tag does not fit, whichever of the inputs is the reason. */
export function tryDecryptBytes(input: AeadInput, ciphertext: Uint8Array): Uint8Array | null {
  try {
    return xchacha20poly1305(input.key, input.nonce, input.associatedData).decrypt(ciphertext);
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
