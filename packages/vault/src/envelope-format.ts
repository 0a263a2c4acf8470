/**
 * The blob format, version 1: `"NX" | 01 | alg | dek_id u32 BE | nonce 24 | ciphertext || tag 16`.
 * `alg` 1 is XChaCha20-Poly1305 over a plaintext padded to 256-byte steps. Limits: key ids from 1 to 2^32 - 1, at most
 * 1 MiB of padded plaintext. Every blob of version 1 stays readable for ever (`vectors/blob-v1.json`).
 */
import { VaultError } from './key-provider.js';
import { paddingStep } from './padding.js';
import { nonceLength, tagLength } from './xchacha20-poly1305.js';

export const blobFormat = 1;
export const blobAlgorithm = 1;
export const maxPaddedLength = 1024 * 1024;

const headerLength = 8;
const bodyOffset = headerLength + nonceLength;
const overhead = bodyOffset + tagLength;

interface Envelope {
  readonly keyId: number;
  readonly nonce: Uint8Array;
  /** Ciphertext and tag. */
  readonly body: Uint8Array;
}

export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const bytes = new Uint8Array(bodyOffset + envelope.body.length);
  bytes.set([0x4e, 0x58, blobFormat, blobAlgorithm]);
  new DataView(bytes.buffer).setUint32(4, envelope.keyId);
  bytes.set(envelope.nonce, headerLength);
  bytes.set(envelope.body, bodyOffset);
  return bytes;
}

/** Reads the parts without copying. @throws VaultError `integrity` when the bytes are no blob of version 1. */
export function readEnvelope(bytes: Uint8Array): Envelope {
  const paddedLength = bytes.length - overhead;
  if (paddedLength < paddingStep || paddedLength > maxPaddedLength || paddedLength % paddingStep !== 0) {
    throw new VaultError('integrity', `A sealed value has an impossible length of ${bytes.length} bytes.`);
  }
  if (bytes[0] !== 0x4e || bytes[1] !== 0x58) {
    throw new VaultError('integrity', 'A sealed value does not begin with the mark of the blob format.');
  }
  if (bytes[2] !== blobFormat || bytes[3] !== blobAlgorithm) {
    throw new VaultError('integrity', `A sealed value has the unknown format ${bytes[2]} or algorithm ${bytes[3]}.`);
  }
  const keyId = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
  if (keyId === 0) throw new VaultError('integrity', 'A sealed value names the key id 0, which no key has.');
  return { keyId, nonce: bytes.subarray(headerLength, bodyOffset), body: bytes.subarray(bodyOffset) };
}
