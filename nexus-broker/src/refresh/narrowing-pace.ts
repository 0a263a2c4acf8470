import type { Clock } from '@nexus/core/clock';

/** A workflow opens several sessions of one connection at once; nobody opens many of them for long. */
const defaultBurst = 5;
/** A token minted for a session serves it to its end, so at this rate one connection still has hundreds in an hour. */
const everyMs = 5_000;
const maxConnections = 10_000;

/**
 * Bounds how often one connection has tokens minted: a few at once, then one every few seconds. Each of them spends the
 * refresh token and the provider's patience, and whoever opens sessions decides how many there are.
 */
export class NarrowingPace {
  readonly #clock: Clock;
  readonly #burst: number;
  /** By connection, when it has its whole burst again, in Unix milliseconds; the latest to mint comes last. */
  readonly #wholeAt = new Map<string, number>();

  constructor(clock: Clock, burst = defaultBurst) {
    this.#clock = clock;
    this.#burst = burst;
  }

  /** How long the connection has to wait for its next token; 0 when it may have one now. */
  secondsToWait(connectionRef: string): number {
    const now = this.#clock.now();
    const lacks = (this.#wholeAt.get(connectionRef) ?? now) - now;
    return Math.max(0, Math.ceil((lacks - (this.#burst - 1) * everyMs) / 1_000));
  }

  spend(connectionRef: string): void {
    const now = this.#clock.now();
    const wholeAt = Math.max(now, this.#wholeAt.get(connectionRef) ?? now) + everyMs;
    this.#wholeAt.delete(connectionRef);
    this.#wholeAt.set(connectionRef, wholeAt);
    for (const [ref, at] of this.#wholeAt) {
      if (at > now && this.#wholeAt.size <= maxConnections) break;
      this.#wholeAt.delete(ref);
    }
  }
}
