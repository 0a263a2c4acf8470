/** Bounds how much slow work is under way at once, in all and for one key, so that it cannot crowd out everything else. */
export class InFlightLimiter {
  readonly #perKey: number;
  readonly #total: number;
  readonly #counts = new Map<string, number>();
  #sum = 0;

  constructor(limits: { readonly perKey: number; readonly total: number }) {
    this.#perKey = limits.perKey;
    this.#total = limits.total;
  }

  /** Returns how to leave again, or null where there is no room. */
  enter(key: string): (() => void) | null {
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#perKey || this.#sum >= this.#total) return null;
    this.#counts.set(key, count + 1);
    this.#sum += 1;
    return () => this.#leave(key);
  }

  #leave(key: string): void {
    const count = (this.#counts.get(key) ?? 1) - 1;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
    this.#sum -= 1;
  }
}
