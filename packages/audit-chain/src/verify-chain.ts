/** Follows the links of a log from the first to the last, each with the entry it names. */
import { hash } from 'node:crypto';
import { chainStart, LinkHasher } from './chain.js';
import { EntrySet } from './entry-set.js';
import { type SealedLine, type StoredEntry, sealingLimitMs, type UnsealedLine } from './export-format.js';
import { HashList } from './hash-list.js';
import { judgeEntry, type ReadEntry } from './verify-entry.js';
import { isInstant } from './verify-lines.js';
import type { Problems } from './verify-report.js';

/** Whether an audit key made this mac; only who holds the keys can tell. */
export type MacCheck = (entryHash: Uint8Array, mac: Uint8Array, macKey: number) => boolean;

const hashPattern = /^[0-9a-f]{64}$/;

export class ChainReader {
  #problems: Problems;
  readonly #checkMac: MacCheck | null;
  readonly #hasher = new LinkHasher();
  readonly #seen = new EntrySet();
  readonly #hashes = new HashList();
  #unsealed: { readonly id: string; readonly createdAt: string }[] = [];
  #next = 1;
  #hash = Buffer.from(chainStart).toString('hex');
  /** The link whose `prev_hash` was taken as given, so that its own hash shows nothing. */
  #given: number | null = null;
  /** Set by the first link out of its place: from there on numbers say nothing about who was changed. */
  #isBroken = false;
  /** A link that its entry does not fit; the next link tells which of the two was changed. */
  #misfit: number | null = null;
  #entries = 0;
  #first: number | null = null;

  constructor(problems: Problems, checkMac: MacCheck | null) {
    this.#problems = problems;
    this.#checkMac = checkMac;
  }

  /** The log is read on from the last link, and what was not sealed is read again. */
  readOn(): void {
    this.#unsealed = [];
  }

  /** What is found from now on belongs to another file. */
  reportTo(problems: Problems): void {
    this.#problems = problems;
  }

  /** Takes what is before this link as given: it lies in files that were not to be had. */
  startAt(line: Pick<SealedLine, 'seq' | 'prev_hash'>): void {
    this.#next = line.seq;
    this.#hash = line.prev_hash;
    this.#given = line.seq;
  }

  sealed(line: SealedLine): ReadEntry | null {
    const { seq } = line;
    const isInPlace = this.#judgePlace(line);
    this.#entries += 1;
    this.#first ??= seq;
    if (!this.#isBroken) this.#hashes.push(seq, line.hash);
    this.#next = seq + 1;
    this.#hash = line.hash;
    if (line.stored === null) {
      this.#problems.add('chain', seq, `link ${seq} names an entry that is not there`);
      return null;
    }
    const entry = this.#judgeEntry(line.stored, seq, line.event_id);
    if (isInPlace && seq !== this.#given && !this.#fitsLink(line, line.stored)) this.#misfit = seq;
    return entry;
  }

  /** Null for what nobody vouches for: without a link only the mac tells that a Broker wrote it. */
  unsealed({ stored }: UnsealedLine): ReadEntry | null {
    const { id, created_at: createdAt } = stored.columns;
    const entry = this.#judgeEntry(stored, null, id);
    this.#unsealed.push({ id, createdAt });
    if (this.#checkMac === null) return null;
    return this.#hasOwnMac(stored, hash('sha256', stored.entry, 'hex'), this.#checkMac) ? entry : null;
  }

  /** The end of the lines; `exportedAt` is null for a closed range. */
  end(exportedAt: string | null): void {
    this.#settleMisfit(true);
    if (exportedAt === null) return;
    const now = Date.parse(exportedAt);
    for (const { id, createdAt } of this.#unsealed) {
      if (isInstant(createdAt) && Math.abs(Date.parse(createdAt) - now) <= sealingLimitMs) continue;
      this.#problems.add('chain', null, `entry ${id} was not sealed within the time in which a Broker seals`);
    }
  }

  /** Hex; null for a link that was not read, or comes after a break. */
  hashAt(seq: number): string | null {
    return this.#hashes.at(seq);
  }

  get entries(): number {
    return this.#entries;
  }

  get unsealedCount(): number {
    return this.#unsealed.length;
  }

  get first(): number | null {
    return this.#first;
  }

  /** The number of the last link; what stands before the first where there is none. */
  get last(): number {
    return this.#next - 1;
  }

  get lastHash(): string {
    return this.#hash;
  }

  #judgePlace({ seq, prev_hash }: SealedLine): boolean {
    const follows = prev_hash === this.#hash;
    this.#settleMisfit(follows);
    if (seq > this.#next) this.#problems.add('chain', seq, `the links ${this.#next} to ${seq - 1} are missing`);
    else if (seq < this.#next) this.#problems.add('chain', seq, `link ${seq} comes twice or out of order`);
    else if (!follows) this.#problems.add('chain', seq, `link ${seq} does not follow the link before it`);
    const isInPlace = follows && seq === this.#next;
    if (!isInPlace) this.#isBroken = true;
    return isInPlace;
  }

  #settleMisfit(isFollowed: boolean): void {
    const seq = this.#misfit;
    if (seq === null) return;
    this.#misfit = null;
    if (isFollowed && !this.#isBroken) this.#problems.add('entry', seq, `entry ${seq} is not the one that was sealed`);
    else this.#problems.add('chain', seq, `the hash of link ${seq} is not that of its entry and place`);
  }

  #judgeEntry(stored: StoredEntry, seq: number | null, id: string): ReadEntry | null {
    const { entry, hash, faults } = judgeEntry(stored);
    const name = seq === null ? `the unsealed entry ${id}` : `entry ${seq}`;
    for (const fault of faults) this.#problems.add('entry', seq, `${name}: ${fault}`);
    if (entry !== null && entry.id !== id) {
      this.#problems.add('entry', seq, `${name}: the link names the entry ${id}`);
    }
    if (seq === null ? this.#seen.has(hash) : !this.#seen.add(hash))
      this.#problems.add('chain', seq, `${name} is there twice`);
    if (this.#checkMac !== null && !this.#hasOwnMac(stored, hash, this.#checkMac)) {
      this.#problems.add('entry', seq, `${name}: its mac is not that of the audit key it names`);
    }
    return entry;
  }

  /** Whether the link's hash covers this entry. Values without the form of a hash were reported already. */
  #fitsLink({ seq, prev_hash: prevHash, hash }: SealedLine, stored: StoredEntry): boolean {
    const { entry_hash: entryHash, mac, mac_key: macKey } = stored;
    const computed = this.#hasher.compute({ seq, prevHash, entryHash, mac, macKey });
    return computed === null || computed === hash;
  }

  #hasOwnMac({ mac, mac_key }: StoredEntry, hash: string, checkMac: MacCheck): boolean {
    return hashPattern.test(mac) && checkMac(Buffer.from(hash, 'hex'), Buffer.from(mac, 'hex'), mac_key);
  }
}
