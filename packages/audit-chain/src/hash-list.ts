/** The hashes of consecutive links, 32 bytes each, to compare checkpoints with that come after them. */
import { hashLength } from './chain.js';

const hashesOfBlock = 1 << 15;

export class HashList {
  readonly #blocks: Buffer[] = [];
  #first = 1;
  #count = 0;

  /** What does not follow the last one is left out, as is everything after it. */
  push(seq: number, hex: string): void {
    if (this.#count === 0) this.#first = seq;
    if (seq !== this.#first + this.#count) return;
    const place = this.#count % hashesOfBlock;
    if (place === 0) this.#blocks.push(Buffer.alloc(hashesOfBlock * hashLength));
    this.#blocks.at(-1)?.write(hex, place * hashLength, hashLength, 'hex');
    this.#count += 1;
  }

  /** Hex; null for a link it does not have. */
  at(seq: number): string | null {
    const index = seq - this.#first;
    if (index < 0 || index >= this.#count) return null;
    const start = (index % hashesOfBlock) * hashLength;
    const block = this.#blocks[Math.floor(index / hashesOfBlock)];
    return block?.toString('hex', start, start + hashLength) ?? null;
  }
}
