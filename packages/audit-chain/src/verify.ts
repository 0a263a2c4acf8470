/**
 * Verifies an export of the audit log as docs/audit/format.md describes it, in one pass and with some 70 bytes of memory
 * for an entry. It needs no key and trusts neither the database nor whoever sent the export.
 */
import {
  type CheckpointLine,
  type EndLine,
  exportFormat,
  type HeaderLine,
  type SealedLine,
  type UnsealedLine,
} from './export-format.js';
import { ReadLog } from './read-log.js';
import type { VerifierKey } from './signed-note.js';
import { type Archive, Archives } from './verify-archives.js';
import type { MacCheck } from './verify-chain.js';
import { type Chunks, type LineVisitor, readExport, UnreadableExportError } from './verify-lines.js';
import type { Period } from './verify-period.js';
import { Problems, type Report } from './verify-report.js';
import type { StoredBlob, StoredRow } from './verify-store.js';

/** Where sealed values are read from. */
export interface StoreSource {
  /** All there are; asked for once the log was read to its end. */
  blobs(): AsyncIterable<StoredBlob>;
  /**
   * Of a store at work, whose rows and log go on while they are read: what these rows hold now, then, once all of that
   * can be sealed, an export of the log from this number on. Absent for a store that stands still.
   */
  readonly again?: (
    rows: readonly StoredRow[],
    fromSeq: number,
  ) => Promise<{ readonly blobs: readonly StoredBlob[]; readonly lines: Chunks }>;
}

export interface VerifyOptions {
  /** The keys an auditor holds. Without any, that of the first checkpoint is taken from the log, which proves less. */
  readonly verifierKeys?: readonly VerifierKey[];
  /** Notes that were kept outside of the database before the export was made. */
  readonly externalCheckpoints?: readonly string[];
  /** Files that hold what was pruned. */
  readonly archives?: readonly Archive[];
  readonly store?: StoreSource;
  /** For who holds the audit keys. */
  readonly checkMac?: MacCheck;
  /** Entries of this time are counted; all are verified. */
  readonly period?: Period;
}

/** Mismatches of a store at work are looked at again this often. */
const storeRounds = 3;

/** @param lines the export, in pieces of any size */
export async function verifyLog(lines: Chunks, options: VerifyOptions = {}): Promise<Report> {
  const verification = new Verification(options);
  try {
    await readExport(lines, verification);
    await verification.compareStore();
  } catch (error) {
    if (!(error instanceof UnreadableExportError)) throw error;
    verification.problems.add('unreadable', null, error.message);
  }
  return verification.report();
}

class Verification implements LineVisitor {
  readonly problems = new Problems();
  readonly #options: VerifyOptions;
  readonly #archives: Archives;
  #log: ReadLog;
  #header: HeaderLine = { kind: 'header', format: exportFormat, from_seq: null, to_seq: null };
  /** The first entry that can be judged. */
  #from = 1;

  constructor(options: VerifyOptions) {
    this.#options = options;
    this.#archives = new Archives(options.archives ?? []);
    this.#log = this.#createLog();
  }

  async start(header: HeaderLine, first: SealedLine | null): Promise<void> {
    this.#header = header;
    const firstSeq = first?.seq ?? header.from_seq ?? 1;
    if (firstSeq <= 1) return;
    if (first !== null && (await this.#archives.readUpTo(first, this.#log))) {
      this.#log.chain.reportTo(this.problems);
      // An export of all there is has the checkpoints of what was pruned itself.
      if (this.#isRange) for (const line of this.#archives.checkpoints) this.#readCheckpoint(line);
      return;
    }
    this.#log = this.#createLog();
    if (first !== null) this.#log.chain.startAt(first);
    this.#log.checkpoints.allowUnknownKeys();
    if (!this.#isRange) return;
    this.#from = firstSeq;
    this.#log.checkpoints.startAnywhere();
  }

  sealed(line: SealedLine): void {
    const entry = this.#log.chain.sealed(line);
    if (entry !== null) this.#log.take(line.seq, entry);
  }

  unsealed(line: UnsealedLine): void {
    const entry = this.#log.chain.unsealed(line);
    if (entry !== null) this.#log.take(null, entry);
  }

  checkpoint(line: CheckpointLine): void {
    this.#readCheckpoint(line);
  }

  end(line: EndLine): void {
    const { problems } = this;
    const { chain, trust, checkpoints, external, pruned } = this.#log;
    const { to_seq: to } = this.#header;
    chain.end(line.exported_at);
    if (to !== null && chain.last !== to) {
      problems.add('chain', chain.last, `the range was to end with entry ${to} and ends with ${chain.last}`);
    }
    external.end({ problems, chain, trust }, { from: this.#from, to, verifiedSize: checkpoints.verifiedSize });
    this.#archives.end(problems, pruned, this.#isRange);
  }

  async compareStore(): Promise<void> {
    const { store: source } = this.#options;
    if (source === undefined) return;
    const { chain, store } = this.#log;
    let mismatches = await store.compare(source.blobs());
    for (let round = 1; round <= storeRounds && mismatches.length > 0 && source.again !== undefined; round++) {
      const { blobs, lines } = await source.again(mismatches, chain.last + 1);
      await this.#readOn(mismatches, lines);
      mismatches = store.compareAgain(mismatches, blobs);
    }
    for (const { table, row, fault } of mismatches) this.problems.add('store', null, `${table} ${row} ${fault}`);
  }

  report(): Report {
    const { problems } = this;
    const { chain, checkpoints, external, period, store, trust } = this.#log;
    const isPinned = (this.#options.verifierKeys ?? []).length > 0;
    const unpinned = isPinned ? [] : ['no key was given: the one that the log itself names was believed'];
    return {
      exitCode: problems.exitCode,
      problems: problems.list(),
      problemCount: problems.count,
      problemsByCode: problems.countByCode(),
      entries: chain.entries,
      unsealed: chain.unsealedCount,
      checkpoints: checkpoints.count,
      range: chain.first === null ? null : { first: chain.first, last: chain.last },
      checkpointed: checkpoints.verifiedSize,
      verifierKeys: trust.list(),
      stored: this.#options.store === undefined ? null : store.compared,
      period: period?.count() ?? null,
      notices: [...unpinned, ...external.notices()],
    };
  }

  #readCheckpoint(line: CheckpointLine): void {
    this.#log.external.seen(line.note);
    this.#log.checkpoints.read(line);
  }

  /** Reads what was logged since, which a store at work shows already in these rows. */
  async #readOn(rows: readonly StoredRow[], lines: Chunks): Promise<void> {
    const { chain, store } = this.#log;
    chain.readOn();
    store.readOn(rows);
    await readExport(lines, {
      start: () => undefined,
      sealed: (line) => this.sealed(line),
      unsealed: (line) => this.unsealed(line),
      checkpoint: () => undefined,
      end: (line) => chain.end(line.exported_at),
    });
  }

  get #isRange(): boolean {
    return (this.#header.from_seq ?? 1) > 1;
  }

  #createLog(): ReadLog {
    return new ReadLog(this.problems, this.#options, this.#options.store !== undefined);
  }
}
