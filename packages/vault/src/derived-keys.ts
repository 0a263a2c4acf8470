/** Keys derived from a key with HKDF-SHA-256 (RFC 5869), empty salt; the info text separates the uses. */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

export function deriveKey(key: Uint8Array, info: string, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), info, length));
}

/**
 * The key check value of a DEK: 16 bytes that tell two keys apart and reveal nothing useful about either, since the
 * keys are random 256-bit values and HKDF is one-way.
 */
export function computeDekCheckValue(dek: Uint8Array): Uint8Array {
  return deriveKey(dek, 'nexus/dek-kcv/v1', 16);
}

/** As for DEKs, with its own info text. */
export function computeKekCheckValue(kek: Uint8Array): Uint8Array {
  return deriveKey(kek, 'nexus/kek-kcv/v1', 16);
}

export function computeHmac(key: Uint8Array, message: Uint8Array | string): Buffer {
  return createHmac('sha256', key).update(message).digest();
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
