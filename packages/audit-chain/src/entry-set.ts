/**
 * Remembers which entries were seen, by 96 bits of their hashes, in some 30 bytes each: a `Set` takes three times as
 * much and ends at 16.7 million. Two honest entries of a log of 10^9 collide with a probability of 10^-11.
 */
const words = 3;
const bytesOfWord = 4;
const firstCapacity = 1 << 12;

export class EntrySet {
  readonly #reader = new WordReader();
  #slots = new Uint32Array(firstCapacity * words);
  #size = 0;

  has(hash: string): boolean {
    const [first, second, third] = this.#reader.read(hash);
    return !isFree(this.#slots, find(this.#slots, first, second, third));
  }

  /** Whether it was new. `hash` is lower-case hex. */
  add(hash: string): boolean {
    if (this.#size * 2 > this.#slots.length / words) this.#grow();
    const [first, second, third] = this.#reader.read(hash);
    const at = find(this.#slots, first, second, third);
    if (!isFree(this.#slots, at)) return false;
    write(this.#slots, at, first, second, third);
    this.#size += 1;
    return true;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += words) {
      if (isFree(old, at)) continue;
      const [first, second, third] = [old[at] as number, old[at + 1] as number, old[at + 2] as number];
      write(slots, find(slots, first, second, third), first, second, third);
    }
    this.#slots = slots;
  }
}

/** Reads the first words of hashes, without a buffer for each. */
class WordReader {
  readonly #bytes = Buffer.alloc(words * bytesOfWord);

  read(hash: string): readonly [number, number, number] {
    const bytes = this.#bytes;
    bytes.write(hash, 0, bytes.length, 'hex');
    return [bytes.readUInt32BE(0), bytes.readUInt32BE(bytesOfWord), bytes.readUInt32BE(2 * bytesOfWord)];
  }
}

/** Where these words are, or where they belong. The number of slots is a power of two, and half of them are free. */
function find(slots: Uint32Array, first: number, second: number, third: number): number {
  const mask = slots.length / words - 1;
  for (let slot = first & mask; ; slot = (slot + 1) & mask) {
    const at = slot * words;
    if (isFree(slots, at)) return at;
    if (slots[at] === first && slots[at + 1] === second && slots[at + 2] === third) return at;
  }
}

function write(slots: Uint32Array, at: number, first: number, second: number, third: number): void {
  slots[at] = first;
  slots[at + 1] = second;
  slots[at + 2] = third;
}

function isFree(slots: Uint32Array, at: number): boolean {
  return slots[at] === 0 && slots[at + 1] === 0 && slots[at + 2] === 0;
}
