/** Judges the checkpoints of a log, in their order, against each other and the chain that was read before them. */
import type { CheckpointLine } from './export-format.js';
import type { KeyTrust } from './key-trust.js';
import { hashNote, readSignedNote, type SignedCheckpoint, type VerifierKey } from './signed-note.js';
import type { Problems } from './verify-report.js';

/** What of the chain checkpoints are compared with. */
export interface ReadChain {
  /** Hex; null for a link that was not read, or comes after a break. */
  hashAt(seq: number): string | null;
  readonly last: number;
}

interface CheckpointDeps {
  readonly problems: Problems;
  readonly chain: ReadChain;
  readonly trust: KeyTrust;
}

const startOfNotes = Buffer.alloc(32);

export class CheckpointReader {
  readonly #deps: CheckpointDeps;
  #origin: string | null = null;
  #previousHash: Uint8Array | null = startOfNotes;
  #size = 0;
  #count = 0;
  #verifiedSize = 0;
  #unjudged = 0;
  #mayLackKeys = false;

  constructor(deps: CheckpointDeps) {
    this.#deps = deps;
  }

  /** The checkpoints before the first one to come are not in what is read. */
  startAnywhere(): void {
    this.#previousHash = null;
  }

  /** The entries that name keys may be among what is missing or was changed, so an unknown key proves nothing. */
  allowUnknownKeys(): void {
    this.#mayLackKeys = true;
  }

  read(line: CheckpointLine): void {
    const { problems, trust } = this.#deps;
    this.#count += 1;
    const signed = readSignedNote(line.note);
    if (signed === null) {
      problems.add('checkpoint', line.size, `checkpoint ${line.size} is not one note with one signature`);
      return;
    }
    this.#judgePlace(line, signed);
    if (this.#count === 1) trust.adopt(signed);
    const signer = this.#findSigner(signed);
    if (signer === null) return;
    if (!fitsChain(signed, this.#deps)) {
      this.allowUnknownKeys();
      return;
    }
    this.#verifiedSize = Math.max(this.#verifiedSize, signed.checkpoint.size);
    trust.cover(signed, signer);
  }

  get count(): number {
    return this.#count;
  }

  /** How far the log is covered by checkpoints that were verified. */
  get verifiedSize(): number {
    return this.#verifiedSize;
  }

  /** Checkpoints whose keys would be named in what is missing. */
  get unjudged(): number {
    return this.#unjudged;
  }

  #judgePlace(line: CheckpointLine, { checkpoint }: SignedCheckpoint): void {
    const { size, origin, createdAt, previousNoteHash } = checkpoint;
    const refuse = (what: string) =>
      this.#deps.problems.add('checkpoint', line.size, `checkpoint ${line.size} ${what}`);
    if (size !== line.size || createdAt !== line.created_at) refuse('says another size or time than its row');
    if (size <= this.#size) refuse('is not larger than the one before it');
    if (origin !== (this.#origin ?? origin)) refuse('is of another log than the one before it');
    if (this.#previousHash !== null && !Buffer.from(previousNoteHash).equals(this.#previousHash)) {
      refuse('does not follow the one before it');
    }
    this.#size = size;
    this.#origin = origin;
    this.#previousHash = hashNote(line.note);
  }

  /** Null, and it is reported, for a note that nobody who may signed. */
  #findSigner(signed: SignedCheckpoint): VerifierKey | null {
    const { size } = signed.checkpoint;
    const { problems, trust } = this.#deps;
    const signer = trust.judge(signed);
    const refuse = (why: string) => problems.add('checkpoint', size, `checkpoint ${size} ${why}`);
    if (signer === 'unknown key' && this.#mayLackKeys) this.#unjudged += 1;
    else if (signer === 'unknown key') refuse('is signed with a key that nothing vouches for');
    else if (signer === 'false') refuse('has a false signature');
    else if (trust.isOutdated(signed, signer)) refuse('is signed with a key that a newer one had replaced');
    else return signer;
    return null;
  }
}

/** Whether the chain is what the checkpoint says; it is reported where it is not. */
export function fitsChain({ checkpoint }: SignedCheckpoint, deps: Omit<CheckpointDeps, 'trust'>): boolean {
  const { chain, problems } = deps;
  const { size } = checkpoint;
  if (size > chain.last) {
    problems.add('history', size, `a checkpoint says the log had ${size} entries; it ends with ${chain.last}`);
    return false;
  }
  const hash = chain.hashAt(size);
  if (hash === null) return false;
  if (hash === Buffer.from(checkpoint.headHash).toString('hex')) return true;
  problems.add('history', size, `a checkpoint says that the log up to ${size} was a different one`);
  return false;
}
