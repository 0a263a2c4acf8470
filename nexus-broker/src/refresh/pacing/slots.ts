/** Calls of one Broker to one provider at any moment. */
import type { Clock } from '@nexus/core/clock';

/** So few calls can be wasted on a provider that has come to refuse our client since the last answer. */
const firstSlots = 4;
const trustMs = 10_000;

interface SlotsDeps {
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * As many as the profile allows while the provider keeps answering; a few after a pause, twice as many after every
 * answer. Whoever waits gets in in order.
 */
export class Slots {
  readonly #deps: SlotsDeps;
  readonly #waiting = new Set<() => void>();
  #taken = 0;
  #limit = 1;
  #allowed = firstSlots;
  #trustedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: SlotsDeps) {
    this.#deps = deps;
  }

  /** False when none came free within `patienceMs`. */
  async enter(limit: number, patienceMs: number): Promise<boolean> {
    this.#limit = limit;
    if (this.#waiting.size === 0 && this.#hasRoom()) {
      this.#taken += 1;
      return true;
    }
    if (patienceMs <= 0) return false;
    return new Promise((resolve) => {
      const admit = () => resolve(true);
      this.#waiting.add(admit);
      void this.#deps.sleep(patienceMs).then(() => {
        // Who got in meanwhile is no longer in the set.
        if (this.#waiting.delete(admit)) resolve(false);
      });
    });
  }

  leave(): void {
    this.#taken -= 1;
    this.#fill();
  }

  /** After an answer that shows that the provider serves our client. */
  trust(): void {
    const allowed = this.#currentlyAllowed();
    this.#trustedAt = this.#deps.clock.now();
    this.#allowed = Math.min(allowed * 2, Math.max(this.#limit, firstSlots));
    this.#fill();
  }

  /** After an answer that may mean that our client is refused: one call at a time finds it out. */
  distrust(): void {
    this.#trustedAt = this.#deps.clock.now();
    this.#allowed = 1;
  }

  #fill(): void {
    for (const admit of this.#waiting) {
      if (!this.#hasRoom()) return;
      this.#waiting.delete(admit);
      this.#taken += 1;
      admit();
    }
  }

  #hasRoom(): boolean {
    return this.#taken < Math.min(this.#limit, this.#currentlyAllowed());
  }

  #currentlyAllowed(): number {
    const sinceMs = this.#deps.clock.now() - this.#trustedAt;
    return sinceMs >= 0 && sinceMs < trustMs ? this.#allowed : firstSlots;
  }
}
