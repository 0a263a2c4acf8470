/**
 * Parks status polls until their connection leaves `pending`. All parked polls share one query per tick, which also
 * sees what other replicas commit. A tick looks at a bounded number of connections, one after the other in turn, so that
 * thousands of parked polls take nothing from reads; their number is bounded too, and beyond it a poll is answered at
 * once.
 */
import { currentStatus } from '../domain/connection.js';
import type { Database } from '../stores/database.js';

const maxPerConnection = 8;
const maxWaiters = 8_192;
const tickMs = 200;
const maxPerTick = 1_000;

interface Waiter {
  readonly connectionRef: string;
  readonly resolve: () => void;
}

export class ConnectionWatcher {
  readonly #database: Database;
  readonly #onError: (error: unknown) => void;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #count = 0;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(database: Database, onError: (error: unknown) => void) {
    this.#database = database;
    this.#onError = onError;
  }

  /** Resolves when the connection is no longer pending, the time is over, or there is no room to wait. */
  async waitUntilSettled(connectionRef: string, seconds: number): Promise<void> {
    const parked = this.#waiters.get(connectionRef) ?? new Set<Waiter>();
    if (this.#closed || parked.size >= maxPerConnection || this.#count >= maxWaiters) return;
    this.#waiters.set(connectionRef, parked);
    this.#count += 1;
    this.#schedule();
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(() => this.#release(waiter), seconds * 1_000);
      const waiter: Waiter = {
        connectionRef,
        resolve: () => {
          clearTimeout(deadline);
          resolve();
        },
      };
      parked.add(waiter);
    });
  }

  /** Answers everybody, at shutdown. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const parked of [...this.#waiters.values()]) for (const waiter of [...parked]) this.#release(waiter);
  }

  #moveToEnd(connectionRef: string): void {
    const parked = this.#waiters.get(connectionRef);
    if (parked === undefined) return;
    this.#waiters.delete(connectionRef);
    this.#waiters.set(connectionRef, parked);
  }

  #release(waiter: Waiter): void {
    const parked = this.#waiters.get(waiter.connectionRef);
    if (parked?.delete(waiter) !== true) return;
    if (parked.size === 0) this.#waiters.delete(waiter.connectionRef);
    this.#count -= 1;
    waiter.resolve();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#check()
        .catch(this.#onError)
        .finally(() => {
          if (this.#count > 0 && !this.#closed) this.#schedule();
        });
    }, tickMs);
  }

  async #check(): Promise<void> {
    const refs = [...this.#waiters.keys()].slice(0, maxPerTick);
    if (refs.length === 0) return;
    for (const ref of refs) this.#moveToEnd(ref);
    const now = await this.#database.now();
    for (const row of await this.#database.stores.connections.findStatusesByRefs(refs)) {
      if (currentStatus(row, now).status === 'pending') continue;
      for (const waiter of [...(this.#waiters.get(row.connectionRef) ?? [])]) this.#release(waiter);
    }
  }
}
