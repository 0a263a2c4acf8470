import type { Database } from '../stores/database.js';

interface JobLeaseInput {
  readonly name: string;
  readonly owner: string;
}

const leaseSeconds = 10;
const renewEveryMs = 2_000;

/** One Broker's side of a lease on work that one does for all. A database only one Broker can open needs none. */
export class JobLease {
  readonly #database: Database;
  readonly #input: JobLeaseInput;
  #renewedMs = Number.NEGATIVE_INFINITY;

  constructor(database: Database, input: JobLeaseInput) {
    this.#database = database;
    this.#input = input;
  }

  /** Takes the lease, keeps it, or finds that another has it. @throws what the database throws. */
  async hold(): Promise<boolean> {
    if (this.#database.isExclusive) return true;
    const now = performance.now();
    if (now - this.#renewedMs < renewEveryMs) return true;
    this.#renewedMs = Number.NEGATIVE_INFINITY;
    const lease = { ...this.#input, seconds: leaseSeconds };
    const isHeld = await this.#database.transaction(({ jobLeases }) => jobLeases.acquire(lease));
    if (isHeld) this.#renewedMs = now;
    return isHeld;
  }

  async release(): Promise<void> {
    if (this.#database.isExclusive) return;
    this.#renewedMs = Number.NEGATIVE_INFINITY;
    await this.#database.transaction(({ jobLeases }) => jobLeases.release(this.#input.name, this.#input.owner));
  }
}
