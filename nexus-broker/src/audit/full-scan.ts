/**
 * Walks through the whole log beside the sealer's turns, in small steps, for entries that no window reaches: those of a
 * Broker whose clock was behind the newest entry by more than a window. It does so when this Broker begins to seal, a
 * minute after the database's clock was set, and every hour.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@nexus/core/clock';
import type { EntryPosition } from '../stores/audit-query.js';

interface FullScanDeps {
  /** The database's time. */
  readonly clock: Clock;
  /** Takes one step and returns where the next one begins, null at the end. */
  readonly step: (from: EntryPosition | null) => Promise<EntryPosition | null>;
  readonly isWanted: () => boolean;
  readonly onError: (error: unknown) => void;
}

const everyMs = 3_600_000;
/** After this time every Broker has measured the database's clock anew. */
const afterStepMs = 60_000;
const retryMs = 60_000;
/** Less than this is a measurement that was a little off. */
const clockStepMs = 1_000;
/** Leaves most of the time to others. */
const pauseMs = 5;

export class FullScan {
  readonly #deps: FullScanDeps;
  #dueMs = Number.NEGATIVE_INFINITY;
  #offsetMs: number;
  #isRunning = false;

  constructor(deps: FullScanDeps) {
    this.#deps = deps;
    this.#offsetMs = deps.clock.now() - performance.now();
  }

  /** To be called at each turn; what it starts goes on by itself. */
  startIfDue(): void {
    this.#watchClock();
    if (this.#isRunning || performance.now() < this.#dueMs) return;
    this.#isRunning = true;
    this.#dueMs = performance.now() + everyMs;
    void this.#run().finally(() => {
      this.#isRunning = false;
    });
  }

  /** Makes the next turn begin one. */
  require(): void {
    this.#dueMs = Number.NEGATIVE_INFINITY;
  }

  async #run(): Promise<void> {
    const { step, isWanted, onError } = this.#deps;
    try {
      let from: EntryPosition | null = null;
      do {
        from = await step(from);
        await sleep(pauseMs);
      } while (from !== null && isWanted());
    } catch (error) {
      this.#plan(retryMs);
      onError(error);
    }
  }

  #watchClock(): void {
    const offsetMs = this.#deps.clock.now() - performance.now();
    if (Math.abs(offsetMs - this.#offsetMs) < clockStepMs) return;
    this.#offsetMs = offsetMs;
    this.#plan(afterStepMs);
  }

  #plan(inMs: number): void {
    this.#dueMs = Math.min(this.#dueMs, performance.now() + inMs);
  }
}
