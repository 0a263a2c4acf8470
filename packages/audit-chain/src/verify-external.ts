/** Looks for the checkpoints that were kept outside of the database among those of the log. */
import type { KeyTrust } from './key-trust.js';
import { readSignedNote, type SignedCheckpoint } from './signed-note.js';
import { fitsChain, type ReadChain } from './verify-checkpoints.js';
import type { ReadEntry } from './verify-entry.js';
import { isInteger } from './verify-lines.js';
import type { Problems } from './verify-report.js';

interface ExternalDeps {
  readonly problems: Problems;
  readonly chain: ReadChain;
  readonly trust: KeyTrust;
}

/** What was read, so that checkpoints of other stretches are not missed in it. */
export interface ReadStretch {
  readonly from: number;
  /** Null for one that goes on to the end of the log. */
  readonly to: number | null;
  /** How far checkpoints of the log itself were verified. */
  readonly verifiedSize: number;
}

interface Rollback {
  readonly seq: number;
  readonly size: number;
  readonly abandonedSize: number;
  /** When it was accepted. */
  readonly at: string;
}

export class ExternalCheckpoints {
  /** Notes that were not seen in the log so far. */
  readonly #missing: Set<string>;
  readonly #rollbacks: Rollback[] = [];
  #outside = 0;
  #givenUp = 0;

  constructor(notes: readonly string[]) {
    this.#missing = new Set(notes);
  }

  /** What a sealed entry says about a history that was given up. */
  rollbackAccepted(seq: number, { created_at: at, data }: ReadEntry): void {
    const { size, abandoned_size: abandonedSize } = data;
    if (!isInteger(size) || !isInteger(abandonedSize)) return;
    this.#rollbacks.push({ seq, size, abandonedSize, at });
  }

  seen(note: string): void {
    this.#missing.delete(note);
  }

  /** Judges what the log does not have, after its last checkpoint. */
  end(deps: ExternalDeps, stretch: ReadStretch): void {
    const { from, to, verifiedSize } = stretch;
    for (const note of this.#missing) {
      const signed = readSignedNote(note);
      if (signed === null) {
        deps.problems.add('checkpoint', null, 'an external checkpoint is not one note with one signature');
        continue;
      }
      const { size, createdAt } = signed.checkpoint;
      if (size < from || (to !== null && size > to)) this.#outside += 1;
      else if (this.#isGivenUp(size, createdAt, verifiedSize)) this.#givenUp += 1;
      else judgeMissing(signed, deps);
    }
  }

  notices(): readonly string[] {
    const notices: string[] = [];
    if (this.#outside > 0) notices.push(`${this.#outside} external checkpoints lie outside of the range that was read`);
    if (this.#givenUp > 0) {
      notices.push(`${this.#givenUp} external checkpoints are of a history that an accepted rollback gave up`);
    }
    return notices;
  }

  /** Only a checkpoint makes sure that a Broker wrote the entry that says so. What was signed later is not given up. */
  #isGivenUp(size: number, createdAt: string, verifiedSize: number): boolean {
    return this.#rollbacks.some(
      ({ seq, at, ...rollback }) =>
        seq <= verifiedSize && size > rollback.size && size <= rollback.abandonedSize && createdAt <= at,
    );
  }
}

/** An unknown key does not excuse it: the entry that names the key may be what was cut off. */
function judgeMissing(signed: SignedCheckpoint, deps: ExternalDeps): void {
  const { size } = signed.checkpoint;
  if (deps.trust.judge(signed) === 'false') {
    deps.problems.add('checkpoint', size, `the signature of the external checkpoint ${size} is false`);
  } else if (fitsChain(signed, deps) || (size <= deps.chain.last && deps.chain.hashAt(size) === null)) {
    deps.problems.add('history', size, `the external checkpoint ${size} is not among those of the log`);
  }
}
