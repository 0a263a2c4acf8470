/** Reads the archives of entries that were pruned, so that a log can be followed from its first entry. */
import { createHash, type Hash } from 'node:crypto';
import type { CheckpointLine, HeaderLine, SealedLine } from './export-format.js';
import type { Pruned, ReadLog } from './read-log.js';
import { type Chunks, readExport, readHeader, UnreadableExportError } from './verify-lines.js';
import { Problems } from './verify-report.js';

/** A file that holds the export of a closed range. */
export interface Archive {
  readonly name: string;
  /** Its bytes; called more than once. */
  open(): Chunks;
}

interface RangedArchive extends Archive {
  readonly from: number;
  readonly to: number;
}

interface ReadArchive extends RangedArchive {
  /** Of the file, in hex. */
  readonly sha256: string;
  readonly problems: Problems;
}

export class Archives {
  readonly #given: readonly Archive[];
  readonly #read: ReadArchive[] = [];
  readonly #checkpoints: CheckpointLine[] = [];
  /** Why the archives do not make up what the log lacks. */
  #fault: string | null = null;

  constructor(given: readonly Archive[]) {
    this.#given = given;
  }

  /** The checkpoints of the archives, in order. */
  get checkpoints(): readonly CheckpointLine[] {
    return this.#checkpoints;
  }

  /**
   * Reads what is before the first link of a log into `log`.
   *
   * @returns whether it is all there and in order; otherwise nothing of it may be relied on.
   */
  async readUpTo(first: SealedLine, log: ReadLog): Promise<boolean> {
    const ranged = await this.#readHeaders();
    for (let next = 1; next < first.seq; ) {
      const archive = ranged
        .filter(({ from, to }) => from === next && to < first.seq)
        .reduce<RangedArchive | null>(
          (longest, one) => (longest === null || one.to > longest.to ? one : longest),
          null,
        );
      if (archive === null) {
        this.#fault = `the log begins with entry ${first.seq}, and no archive that was given has entry ${next}`;
        return false;
      }
      // What follows a damaged archive would be blamed for what that one lacks.
      if (!(await this.#readOne(archive, log))) return false;
      next = archive.to + 1;
    }
    if (log.chain.lastHash === first.prev_hash) return true;
    this.#fault = `link ${first.seq} does not follow what the archives end with`;
    return false;
  }

  /** After everything was read. A range that was asked for need not have been pruned, so no entry must name its past. */
  end(problems: Problems, pruned: readonly Pruned[], isRange: boolean): void {
    if (this.#fault !== null) problems.add('archive', null, this.#fault);
    for (const archive of this.#read) {
      const { name, from, to, sha256 } = archive;
      const said = pruned.findLast((one) => one.from === from && one.to === to);
      if (said === undefined ? isRange : said.sha256 === sha256) {
        problems.addAll(archive.problems, `archive ${name}: `);
      } else if (said === undefined) {
        problems.add('archive', null, `no entry says that ${from} to ${to} were pruned, which archive ${name} holds`);
      } else problems.add('archive', null, `archive ${name} is not the file that was written when it was pruned`);
    }
  }

  async #readHeaders(): Promise<readonly RangedArchive[]> {
    const ranged: RangedArchive[] = [];
    for (const archive of this.#given) {
      const header = await readHeader(archive.open());
      const { from_seq: from, to_seq: to } = header ?? { from_seq: null, to_seq: null };
      if (from === null || to === null || to < from) continue;
      ranged.push({ name: archive.name, open: () => archive.open(), from, to });
    }
    return ranged;
  }

  /** Whether nothing is wrong in it. */
  async #readOne(archive: RangedArchive, log: ReadLog): Promise<boolean> {
    const { chain } = log;
    const problems = new Problems();
    const hash = createHash('sha256');
    chain.reportTo(problems);
    try {
      await readExport(hashed(archive.open(), hash), {
        start: (_header: HeaderLine) => undefined,
        sealed(line) {
          const entry = chain.sealed(line);
          if (entry !== null) log.take(line.seq, entry);
        },
        unsealed: () => undefined,
        checkpoint: (line) => this.#checkpoints.push(line),
        end: () => chain.end(null),
      });
    } catch (error) {
      if (!(error instanceof UnreadableExportError)) throw error;
      problems.add('archive', null, error.message);
    }
    if (chain.last !== archive.to) problems.add('archive', null, `it ends with ${chain.last}, not with ${archive.to}`);
    this.#read.push({ ...archive, sha256: hash.digest('hex'), problems });
    return problems.count === 0;
  }
}

async function* hashed(source: Chunks, hash: Hash): AsyncGenerator<Uint8Array | string> {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}
