/** Which keys may sign checkpoints: those an auditor holds, and those that a verified stretch of the log names. */
import {
  decodeVerifierKey,
  encodeVerifierKey,
  isSignedBy,
  namesKey,
  type SignedCheckpoint,
  type VerifierKey,
} from './signed-note.js';
import type { ReadEntry } from './verify-entry.js';

export class KeyTrust {
  readonly #trusted: VerifierKey[];
  /** Keys that entries name, in their order, and that no verified checkpoint covers yet. */
  #named: { readonly seq: number; readonly key: VerifierKey }[] = [];

  constructor(pinned: readonly VerifierKey[]) {
    this.#trusted = [...pinned];
  }

  /** What the data of a sealed entry say about a key. */
  keyAdded(seq: number, data: ReadEntry['data']): void {
    const { purpose, public_key: text } = data;
    const key = purpose === 'checkpoint' && typeof text === 'string' ? decodeVerifierKey(text) : null;
    if (key !== null) this.#named.push({ seq, key });
  }

  /** Takes the key of a log's first checkpoint from the log itself: better than none, and no more than that. */
  adopt(first: SignedCheckpoint): void {
    const found = this.#named.find(({ key }) => namesKey(first, key));
    if (this.#trusted.length === 0 && found !== undefined) this.#trusted.push(found.key);
  }

  /** A checkpoint of this size was verified, so the entries up to it are what a Broker wrote. */
  cover(size: number): void {
    for (const { seq, key } of this.#named) if (seq <= size) this.#trusted.push(key);
    this.#named = this.#named.filter(({ seq }) => seq > size);
  }

  judge(note: SignedCheckpoint): 'signed' | 'unknown key' | 'false' {
    const keys = this.#trusted.filter((key) => namesKey(note, key));
    if (keys.length === 0) return 'unknown key';
    return keys.some((key) => isSignedBy(note, key)) ? 'signed' : 'false';
  }

  /** As auditors keep them, each once. */
  list(): readonly string[] {
    return [...new Set(this.#trusted.map(encodeVerifierKey))];
  }
}
