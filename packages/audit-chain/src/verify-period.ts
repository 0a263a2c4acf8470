import type { PeriodCount } from './verify-report.js';

/** Times as entries have them: UTC with three fraction digits, so that text order is time order. */
export interface Period {
  /** Included; null for the beginning of the log. */
  readonly since: string | null;
  /** Not included; null for its end. */
  readonly until: string | null;
}

/** Counts the entries of a period. */
export class PeriodCounter {
  readonly #period: Period;
  #entries = 0;
  #first: number | null = null;
  #last: number | null = null;

  constructor(period: Period) {
    this.#period = period;
  }

  entry(seq: number, createdAt: string): void {
    const { since, until } = this.#period;
    if ((since !== null && createdAt < since) || (until !== null && createdAt >= until)) return;
    this.#entries += 1;
    this.#first ??= seq;
    this.#last = seq;
  }

  count(): PeriodCount {
    return { entries: this.#entries, first_seq: this.#first, last_seq: this.#last };
  }
}
