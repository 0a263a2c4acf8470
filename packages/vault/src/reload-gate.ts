/** Decides when a key ring is loaded anew: never twice at a time, and on behalf of unknown keys at most once a second. */
import { setTimeout as sleep } from 'node:timers/promises';

const minIntervalMs = 1000;

export class ReloadGate {
  readonly #load: () => Promise<void>;
  #running: Promise<void> = Promise.resolve();
  /** A load that has not begun. */
  #next: Promise<void> | null = null;
  /** A load for unknown keys that has not begun. */
  #soon: Promise<void> | null = null;
  #lastSoonMs = Number.NEGATIVE_INFINITY;

  constructor(load: () => Promise<void>) {
    this.#load = load;
  }

  /** Settles with a load that begins after the call; callers that wait for one share it. */
  reload(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      const loading = this.#load();
      this.#running = loading.catch(() => undefined);
      return loading;
    });
    return this.#next;
  }

  /** As `reload`, but it may have to wait for up to a second. */
  reloadSoon(): Promise<void> {
    this.#soon ??= this.#waitAndReload();
    return this.#soon;
  }

  async #waitAndReload(): Promise<void> {
    await sleep(Math.max(0, this.#lastSoonMs + minIntervalMs - performance.now()));
    this.#lastSoonMs = performance.now();
    this.#soon = null;
    await this.reload();
  }
}
