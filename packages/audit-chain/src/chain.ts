/**
 * The hash chain over the audit log. One definition for whoever seals and whoever verifies:
 * `hash = SHA-256(0x00 | prev_hash | entry_hash | mac | mac_key u32 | seq u64)`, integers big-endian. The first link has
 * 32 zero bytes before it and the sequence number 1.
 */
import { hash } from 'node:crypto';

export const hashLength = 32;
export const maxKeyId = 0xffff_ffff;

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

/** A link in lower-case hex, as exports have it. */
export interface HexLink {
  readonly seq: number;
  readonly prevHash: string;
  readonly entryHash: string;
  readonly mac: string;
  readonly macKey: number;
}

const offsets = {
  prevHash: 1,
  entryHash: 1 + hashLength,
  mac: 1 + 2 * hashLength,
  macKey: 1 + 3 * hashLength,
} as const;
const seqOffset = offsets.macKey + 4;
const linkLength = seqOffset + 8;

/** @throws RangeError for a hash that does not have 32 bytes, which would let two links give the same input. */
export function computeLinkHash(link: Link): Uint8Array {
  const input = Buffer.alloc(linkLength);
  for (const part of ['prevHash', 'entryHash', 'mac'] as const) {
    if (link[part].length !== hashLength) throw new RangeError('A link of the chain is made of values of 32 bytes.');
    input.set(link[part], offsets[part]);
  }
  writeNumbers(input, link);
  return hash('sha256', input, 'buffer');
}

/** Computes the hashes of many links one after the other. */
export class LinkHasher {
  readonly #input = Buffer.alloc(linkLength);

  /** Hex; null where a value has not its length or a number not its range. */
  compute(link: HexLink): string | null {
    const input = this.#input;
    for (const part of ['prevHash', 'entryHash', 'mac'] as const) {
      const isWhole = link[part].length === 2 * hashLength;
      if (!isWhole || input.write(link[part], offsets[part], 'hex') !== hashLength) return null;
    }
    if (link.macKey < 0 || link.macKey > maxKeyId || link.seq < 1) return null;
    writeNumbers(input, link);
    return hash('sha256', input, 'hex');
  }
}

function writeNumbers(input: Buffer, { macKey, seq }: { readonly macKey: number; readonly seq: number }): void {
  input.writeUInt32BE(macKey, offsets.macKey);
  input.writeBigUInt64BE(BigInt(seq), seqOffset);
}

export function hashEntry(entry: string): Uint8Array {
  return hash('sha256', entry, 'buffer');
}
