/**
 * Seals the log: one Broker at a time by a lease, every quarter of a second. Nothing rests on the lease but that two do
 * not do the same work: the chain's keys refuse a second link, and whoever is slower starts over.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, type Instant, toEpochMs } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { Vault } from '@nexus/vault/vault';
import type { StoredCheckpoint } from '../stores/audit-chain-store.js';
import type { Database } from '../stores/database.js';
import type { AppendOnlyFile } from './append-only-file.js';
import { ChainFault, ChainPosition } from './chain-position.js';
import type { EntryFault } from './check-entry.js';
import { CheckpointWriter } from './checkpoint-writer.js';
import { EntrySealer } from './entry-sealer.js';
import { FullScan } from './full-scan.js';
import { JobLease } from './job-lease.js';
import { limitWait } from './limit-wait.js';

export interface AuditSealerDeps {
  readonly database: Database;
  readonly vault: Vault;
  /** The database's time. */
  readonly clock: Clock;
  /** Where checkpoints are kept beside the database. */
  readonly checkpointFile: AppendOnlyFile;
  readonly checkpointSeconds: number;
  /** Told when this Broker begins to seal, for itself and all others. */
  readonly onLead: () => void;
  readonly onCheckpoint: (checkpoint: StoredCheckpoint) => void;
  readonly onRefused: (id: string, fault: EntryFault) => void;
  readonly onError: (error: unknown) => void;
}

export interface SealingStatus {
  /** The newest sequence number. */
  readonly sealed: number;
  readonly lagSeconds: number;
  readonly refused: number;
  readonly checkpointSize: number | null;
  readonly checkpointAt: Instant | null;
}

const leaseName = 'audit-sealer';
const tickMs = 250;
const standbyMs = 1_000;
/** How far back from the newest sealed entry others are looked for: at each turn, and for slow transactions. */
const windowMs = 2_000;
const wideWindowMs = 120_000;
const wideEveryMs = 30_000;
const entriesPerCheckpoint = 100_000;
/** Longer than the vault takes to look again for a key it lacks. */
const faultPauseMs = 1_100;
const sealNowMs = 1_000;
const pollMs = 50;
const coverEveryMs = 3_000;
const closeMs = 2_000;

export class AuditSealer {
  readonly #deps: AuditSealerDeps;
  readonly #lease: JobLease;
  readonly #position: ChainPosition;
  readonly #entries: EntrySealer;
  readonly #checkpoints: CheckpointWriter;
  readonly #fullScan: FullScan;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** Work on the chain, one after the other. */
  #work: Promise<unknown> = Promise.resolve();
  /** Asked for and not begun: whoever asks meanwhile gets the same. */
  #askedSeal: Promise<unknown> | null = null;
  #askedCover: Promise<void> | null = null;
  #coveredMs = Number.NEGATIVE_INFINITY;
  #isHolder = false;
  /** When the work of a Broker that stops has to end. */
  #lastMs = 0;
  #wideAtMs = Number.NEGATIVE_INFINITY;
  /** Null until looked up. */
  #checkpointed: { readonly size: number; readonly atMs: number } | null = null;
  /** What is wrong with the chain, and whether the look after it has found the same. */
  #fault: { readonly message: string; readonly isConfirmed: boolean } | null = null;
  #isFailing = false;
  #isMissingFile = false;

  constructor(deps: AuditSealerDeps) {
    this.#deps = deps;
    const { database, vault, clock, checkpointFile: file, onCheckpoint: announce, onRefused } = deps;
    this.#lease = new JobLease(database, { name: leaseName, owner: randomUUID() });
    this.#position = new ChainPosition({ database, vault });
    this.#entries = new EntrySealer({ database, vault, clock, position: this.#position, onRefused });
    this.#checkpoints = new CheckpointWriter({ database, vault, clock, position: this.#position, file, announce });
    this.#fullScan = new FullScan({
      clock,
      step: (from) => this.#inTurn(() => this.#entries.scan(from)),
      isWanted: () => this.#isHolder && !this.#stopping.signal.aborted,
      onError: (error) => this.#report(error),
    });
  }

  start(): void {
    this.#running = this.#run();
  }

  /**
   * Resolves once what was committed before the call is sealed, or after a second. Where another Broker seals, it is
   * given half of that time.
   */
  async sealNow(): Promise<void> {
    const deadline = performance.now() + sealNowMs / 2;
    const asked = this.#deps.clock.now();
    const isElsewhere = () => !this.#isHolder && !this.#deps.database.isExclusive;
    while (isElsewhere() && performance.now() < deadline) {
      const waiting = await this.#entries.findOldestWaiting(windowMs);
      if (waiting === null || toEpochMs(waiting) > asked) return;
      await sleep(pollMs);
    }
    this.#askedSeal ??= this.#inTurn(() => {
      this.#askedSeal = null;
      return this.#seal(windowMs);
    });
    await limitWait(this.#askedSeal, sealNowMs);
  }

  /**
   * Seals all that is committed and covers it with a checkpoint.
   *
   * @throws NexusError `audit_unavailable` when this Broker stops before that, ChainFault, or what database or file throw.
   */
  checkpointNow(): Promise<void> {
    return this.#inTurn(async () => {
      // It stops when the lease is lost, and goes on without: whoever asks needs it covered.
      while (!(await this.#seal(wideWindowMs))) {
        if (this.#stopping.signal.aborted) throw new NexusError('audit_unavailable', 'This Broker stops; ask another.');
      }
      await this.#writeCheckpoint();
    });
  }

  /** As `checkpointNow`, for whoever may ask often: those who ask within some seconds get one checkpoint. */
  checkpointSoon(): Promise<void> {
    const waitMs = Math.max(0, this.#coveredMs + coverEveryMs - performance.now());
    const { signal } = this.#stopping;
    const waiting = () => sleep(waitMs, undefined, { signal }).catch(() => undefined);
    this.#askedCover ??= waiting().then(() => {
      this.#askedCover = null;
      this.#coveredMs = performance.now();
      return this.checkpointNow();
    });
    return this.#askedCover;
  }

  async status(): Promise<SealingStatus> {
    const { clock, database } = this.#deps;
    // Whoever seals has looked further back already.
    const waiting = await this.#entries.findOldestWaiting(this.#isHolder ? windowMs : wideWindowMs);
    const head = await database.stores.auditChain.head();
    const checkpoint = await database.stores.auditChain.newestCheckpoint();
    return {
      sealed: head?.seq ?? 0,
      lagSeconds: waiting === null ? 0 : Math.max(0, clock.now() - toEpochMs(waiting)) / 1_000,
      refused: this.#entries.refused,
      checkpointSize: checkpoint?.size ?? null,
      checkpointAt: checkpoint?.createdAt ?? null,
    };
  }

  /** Why this Broker must not count as ready, in words for an operator; null when nothing is wrong. */
  findObstacle(): string | null {
    if (!this.#deps.checkpointFile.isInPlace()) return 'the checkpoint file was removed, replaced or cut';
    return this.#fault?.isConfirmed === true ? 'the audit chain is not what it was' : null;
  }

  /** Seals what is there, covers it with a checkpoint and leaves the work to others. */
  async close(): Promise<void> {
    this.#lastMs = performance.now() + closeMs;
    this.#stopping.abort();
    await this.#running;
    const last = this.#inTurn(async () => {
      await this.#seal(windowMs);
      await this.#writeCheckpoint();
      await this.#lease.release();
    });
    await limitWait(last, closeMs).catch(this.#deps.onError);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const pauseMs = await this.#turn().then(
        (isHolder) => (isHolder ? tickMs : standbyMs),
        (error: unknown) => {
          this.#report(error);
          return error instanceof ChainFault ? faultPauseMs : standbyMs;
        },
      );
      this.#watchFile();
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Returns whether this Broker seals. */
  async #turn(): Promise<boolean> {
    if (!(await this.#hold())) return false;
    await this.#inTurn(async () => {
      await this.#sealInTime();
      if (await this.#isCheckpointDue()) await this.#writeCheckpoint();
      await this.#checkpoints.flush();
    });
    this.#isFailing = false;
    this.#fullScan.startIfDue();
    return true;
  }

  async #hold(): Promise<boolean> {
    const held = await this.#lease.hold().catch((error: unknown) => {
      this.#isHolder = false;
      throw error;
    });
    if (held && !this.#isHolder) {
      // Whoever sealed before may have left entries that were committed late.
      this.#wideAtMs = Number.NEGATIVE_INFINITY;
      this.#fullScan.require();
      this.#checkpointed = null;
      this.#deps.onLead();
    }
    this.#isHolder = held;
    return held;
  }

  async #sealInTime(): Promise<void> {
    const isWide = performance.now() - this.#wideAtMs >= wideEveryMs;
    const startedMs = performance.now();
    await this.#seal(isWide ? wideWindowMs : windowMs);
    if (isWide) this.#wideAtMs = startedMs;
  }

  /** Returns whether it came to the end. */
  async #seal(window: number): Promise<boolean> {
    try {
      const isAll = await this.#entries.seal(window, () => this.#goOn());
      this.#fault = null;
      return isAll;
    } catch (error) {
      if (error instanceof ChainFault) this.#noteFault(error);
      throw error;
    }
  }

  /** Between batches: a long way must not outlast the lease, nor go without checkpoints. */
  async #goOn(): Promise<boolean> {
    if (this.#position.end.seq - (this.#checkpointed?.size ?? 0) >= entriesPerCheckpoint) await this.#writeCheckpoint();
    if (this.#stopping.signal.aborted) return performance.now() < this.#lastMs;
    return !this.#isHolder || (await this.#hold());
  }

  /** A fault is believed when it is found twice: the log may be pruned between two looks at it. */
  #noteFault(fault: ChainFault): void {
    const isConfirmed = this.#fault?.message === fault.message;
    if (isConfirmed && !this.#fault?.isConfirmed) this.#deps.onError(fault);
    this.#fault = { message: fault.message, isConfirmed };
  }

  async #isCheckpointDue(): Promise<boolean> {
    const { clock, checkpointSeconds, database } = this.#deps;
    if (this.#checkpointed === null) {
      const newest = await database.stores.auditChain.newestCheckpoint();
      this.#checkpointed = { size: newest?.size ?? 0, atMs: newest === null ? 0 : toEpochMs(newest.createdAt) };
    }
    const { size, atMs } = this.#checkpointed;
    return this.#position.end.seq > size && clock.now() - atMs >= checkpointSeconds * 1_000;
  }

  async #writeCheckpoint(): Promise<void> {
    if (this.#position.end.seq === 0) return;
    const size = await this.#checkpoints.write();
    this.#checkpointed = { size, atMs: this.#deps.clock.now() };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }

  /** The first of a series of failures is reported; the lag in the status tells of the rest. Faults have their own way. */
  #report(error: unknown): void {
    if (error instanceof ChainFault) return;
    if (!this.#isFailing) this.#deps.onError(error);
    this.#isFailing = true;
  }

  #watchFile(): void {
    const isMissing = !this.#deps.checkpointFile.isInPlace();
    if (isMissing && !this.#isMissingFile) {
      this.#deps.onError(new Error('The checkpoint file was removed, replaced or cut.'));
    }
    this.#isMissingFile = isMissing;
  }
}
