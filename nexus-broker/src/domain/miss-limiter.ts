import type { Clock } from '@nexus/core/clock';

const windowMs = 60_000;

interface Window {
  startedAt: number;
  misses: number;
}

/** Counts failed lookups per source in windows of a minute; the memory it takes is bounded. */
export class MissLimiter {
  readonly #clock: Clock;
  readonly #maxMisses: number;
  readonly #maxSources: number;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock, maxMisses: number, maxSources = 10_000) {
    this.#clock = clock;
    this.#maxMisses = maxMisses;
    this.#maxSources = maxSources;
  }

  /** Null while the source stays within its allowance, else the seconds until its window ends. */
  countMiss(source: string): number | null {
    const now = this.#clock.now();
    const window = this.#windows.get(source);
    if (window === undefined || now - window.startedAt >= windowMs) {
      this.#windows.delete(source);
      this.#windows.set(source, { startedAt: now, misses: 1 });
      this.#evict();
      return null;
    }
    window.misses += 1;
    if (window.misses <= this.#maxMisses) return null;
    return Math.max(1, Math.ceil((window.startedAt + windowMs - now) / 1_000));
  }

  #evict(): void {
    if (this.#windows.size <= this.#maxSources) return;
    const oldest = this.#windows.keys().next().value;
    if (oldest !== undefined) this.#windows.delete(oldest);
  }
}
