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
import { isInstant } from './verify-lines.js';

/** Brokers of one database take over a new key within seconds of each other. */
const takeoverMs = 150_000;

export class KeyTrust {
  readonly #trusted: VerifierKey[];
  /** Where each key was named first: the later, the newer. One that nothing names was there before. */
  readonly #namedAt = new Map<string, number>();
  /** When keys that verified checkpoints first. */
  readonly #firstUses = new Map<number, number>();
  #latestMs = Number.NEGATIVE_INFINITY;
  /** Keys that entries name, in their order, and that no verified checkpoint covers yet. */
  #named: { readonly seq: number; readonly key: VerifierKey }[] = [];

  constructor(pinned: readonly VerifierKey[]) {
    this.#trusted = [...pinned];
  }

  /** What the data of a sealed entry say about a key. */
  keyAdded(seq: number, data: ReadEntry['data']): void {
    const { purpose, public_key: text } = data;
    const key = purpose === 'checkpoint' && typeof text === 'string' ? decodeVerifierKey(text) : null;
    if (key === null) return;
    this.#named.push({ seq, key });
    const name = encodeVerifierKey(key);
    if (!this.#namedAt.has(name)) this.#namedAt.set(name, seq);
  }

  /** Takes the key of a log's first checkpoint from the log itself: better than none, and no more than that. */
  adopt(first: SignedCheckpoint): void {
    const found = this.#named.find(({ key }) => namesKey(first, key));
    if (this.#trusted.length === 0 && found !== undefined) this.#trusted.push(found.key);
  }

  /** This checkpoint was verified, so the entries up to its size are what a Broker wrote. */
  cover({ checkpoint: { size, createdAt } }: SignedCheckpoint, signer: VerifierKey): void {
    const [age, time] = [this.#ageOf(signer), toTime(createdAt)];
    if (!this.#firstUses.has(age)) this.#firstUses.set(age, time);
    this.#latestMs = Math.max(this.#latestMs, time);
    for (const { seq, key } of this.#named) if (seq <= size) this.#trusted.push(key);
    this.#named = this.#named.filter(({ seq }) => seq > size);
  }

  /** The key that signed the note, or why there is none. */
  judge(note: SignedCheckpoint): VerifierKey | 'unknown key' | 'false' {
    const keys = this.#trusted.filter((key) => namesKey(note, key));
    if (keys.length === 0) return 'unknown key';
    return keys.find((key) => isSignedBy(note, key)) ?? 'false';
  }

  /** Whether a newer key had taken over from the signer by then, so that whoever stole the old one signs no more with it. */
  isOutdated(note: SignedCheckpoint, signer: VerifierKey): boolean {
    const age = this.#ageOf(signer);
    const time = Math.max(this.#latestMs, toTime(note.checkpoint.createdAt));
    return [...this.#firstUses].some(([newer, since]) => newer > age && time > since + takeoverMs);
  }

  /** As auditors keep them, each once. */
  list(): readonly string[] {
    return [...new Set(this.#trusted.map(encodeVerifierKey))];
  }

  #ageOf(key: VerifierKey): number {
    return this.#namedAt.get(encodeVerifierKey(key)) ?? 0;
  }
}

/** What is no time is later than all there are. */
function toTime(text: string): number {
  return isInstant(text) ? Date.parse(text) : Number.POSITIVE_INFINITY;
}
