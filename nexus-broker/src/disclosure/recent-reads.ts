/** Remembers which connections are being read: their tokens are renewed before a reader has to wait for it. */
import { type Clock, toInstant } from '@nexus/core/clock';
import type { Database } from '../stores/database.js';

/** The column is for choosing among days, so a read that follows another costs nothing. */
const intervalMs = 3_600_000;
const maxRemembered = 100_000;
const batch = 200;

interface RecentReadsDeps {
  readonly database: Pick<Database, 'transaction'>;
  readonly clock: Clock;
}

export class RecentReads {
  readonly #deps: RecentReadsDeps;
  /** By connection, when it was noted last in Unix milliseconds; the latest comes last. */
  readonly #noted = new Map<string, number>();
  readonly #unwritten = new Set<string>();

  constructor(deps: RecentReadsDeps) {
    this.#deps = deps;
  }

  /** Costs a look into memory; the database learns of it with the next `write`. */
  note(connectionRef: string): void {
    const now = this.#deps.clock.now();
    const last = this.#noted.get(connectionRef);
    if (last !== undefined && Math.abs(now - last) < intervalMs) return;
    this.#noted.delete(connectionRef);
    this.#noted.set(connectionRef, now);
    this.#unwritten.add(connectionRef);
    for (const [ref, at] of this.#noted) {
      if (now - at < intervalMs && this.#noted.size <= maxRemembered) break;
      this.#noted.delete(ref);
    }
  }

  /** What cannot be written is written with the next. */
  async write(): Promise<void> {
    while (this.#unwritten.size > 0) {
      const refs = [...this.#unwritten].slice(0, batch);
      const at = toInstant(this.#deps.clock.now());
      await this.#deps.database.transaction(({ connections }) => connections.touchRead(refs, at));
      for (const ref of refs) this.#unwritten.delete(ref);
    }
  }
}
