/**
 * The hash chain over the audit log. One definition for whoever seals and whoever verifies:
 * `hash = SHA-256(0x00 | prev_hash | entry_hash | mac | mac_key u32 | seq u64)`, integers big-endian. The first link has
 * 32 zero bytes before it and the sequence number 1.
 */
import { createHash } from 'node:crypto';

export const hashLength = 32;

/** What stands before the first link. */
export const chainStart: Uint8Array = new Uint8Array(hashLength);

export interface Link {
  readonly seq: number;
  readonly prevHash: Uint8Array;
  /** SHA-256 of the entry's canonical JSON. */
  readonly entryHash: Uint8Array;
  /** HMAC-SHA-256 of the entry's hash under an audit key; 32 bytes. */
  readonly mac: Uint8Array;
  /** Id of that key. */
  readonly macKey: number;
}

const prefixOffset = 1;
const linkLength = prefixOffset + 3 * hashLength + 4 + 8;

/** @throws RangeError for a hash that does not have 32 bytes, which would let two links give the same input. */
export function computeLinkHash(link: Link): Uint8Array {
  const input = Buffer.alloc(linkLength);
  let offset = prefixOffset;
  for (const part of [link.prevHash, link.entryHash, link.mac]) {
    if (part.length !== hashLength) throw new RangeError('A link of the chain is made of values of 32 bytes.');
    input.set(part, offset);
    offset += hashLength;
  }
  offset = input.writeUInt32BE(link.macKey, offset);
  input.writeBigUInt64BE(BigInt(link.seq), offset);
  return createHash('sha256').update(input).digest();
}

export function hashEntry(entry: string): Uint8Array {
  return createHash('sha256').update(entry, 'utf8').digest();
}
