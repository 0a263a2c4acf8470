/**
 * The database's clock without a query for each look at it: entries of all Brokers carry one time, and the sealer looks
 * for them in the order of that time. Between measurements the monotonic clock of the process goes on from the last one.
 */
import { type Clock, toEpochMs } from '@nexus/core/clock';
import type { Database } from '../stores/database.js';

/** An answer that took longer says too little about when the database looked at its clock. */
const maxRoundTripMs = 1_000;
/** The monotonic clock stands still while a machine sleeps; wall time beyond it tells of that. */
const sleepMs = 5_000;

export class DatabaseClock implements Clock {
  readonly #database: Pick<Database, 'now'>;
  /** What the database's clock shows beyond the monotonic one, and the same of this machine's wall clock. */
  #offsetMs = 0;
  #wallOffsetMs = 0;
  #measuring: Promise<void> | null = null;

  /** @throws what the database throws. */
  static async open(database: Pick<Database, 'now'>): Promise<DatabaseClock> {
    const clock = new DatabaseClock(database);
    // The first connection may take long to be made, and its answer would not count.
    await database.now();
    await clock.measure();
    return clock;
  }

  private constructor(database: Pick<Database, 'now'>) {
    this.#database = database;
    this.#wallOffsetMs = Date.now() - performance.now();
    this.#offsetMs = this.#wallOffsetMs;
  }

  now(): number {
    const monotonicMs = performance.now();
    const sleptMs = Date.now() - monotonicMs - this.#wallOffsetMs;
    if (sleptMs < sleepMs) return Math.floor(monotonicMs + this.#offsetMs);
    void this.measure().catch(() => undefined);
    return Math.floor(monotonicMs + this.#offsetMs + sleptMs);
  }

  /** Asks the database; one question at a time. @throws what the database throws; the old measurement stays then. */
  measure(): Promise<void> {
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = null;
    });
    return this.#measuring;
  }

  async #measure(): Promise<void> {
    const askedMs = performance.now();
    const shownMs = toEpochMs(await this.#database.now());
    const answeredMs = performance.now();
    if (answeredMs - askedMs > maxRoundTripMs) return;
    this.#offsetMs = shownMs - (askedMs + answeredMs) / 2;
    this.#wallOffsetMs = Date.now() - answeredMs;
  }
}
