/**
 * Padding that hides the length of a plaintext up to steps of 256 bytes: one byte 0x80, then zeros up to the next
 * multiple (ISO/IEC 7816-4, padding method 2). At least one byte is always added, so removal is unambiguous and every
 * plaintext has exactly one padded form. It is checked after authentication only, so it gives no padding oracle.
 */
import { VaultError } from './key-provider.js';

export const paddingStep = 256;
const marker = 0x80;

export function addPadding(plaintext: Uint8Array): Uint8Array {
  const padded = new Uint8Array((Math.floor(plaintext.length / paddingStep) + 1) * paddingStep);
  padded.set(plaintext);
  padded[plaintext.length] = marker;
  return padded;
}

/** Returns a copy without the padding. @throws VaultError `integrity` for anything `addPadding` does not produce. */
export function removePadding(padded: Uint8Array): Uint8Array {
  const length = padded.lastIndexOf(marker);
  const isPadding =
    padded.length > 0 &&
    padded.length % paddingStep === 0 &&
    length >= padded.length - paddingStep &&
    padded.subarray(length + 1).every((byte) => byte === 0);
  if (!isPadding) throw new VaultError('integrity', 'A sealed value has invalid padding.');
  return new Uint8Array(padded.subarray(0, length));
}
