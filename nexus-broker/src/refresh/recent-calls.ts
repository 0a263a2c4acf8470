import type { Clock } from '@nexus/core/clock';
import type { Connection } from '../domain/connection.js';

const callIntervalMs = 30_000;

/** Remembers which connections were refreshed just now, so that each has at most one provider call in 30 s. */
export class RecentCalls {
  readonly #clock: Clock;
  readonly #lastCalls = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** False for an expired token: it has to be renewed, however often it is tried. */
  has(connection: Connection): boolean {
    const now = this.#clock.now();
    if (connection.accessExpiresAt !== null && connection.accessExpiresAt * 1_000 <= now) return false;
    const last = this.#lastCalls.get(connection.connectionRef);
    if (last !== undefined && now - last < callIntervalMs) return true;
    return connection.lastRefreshAt !== null && now - Date.parse(connection.lastRefreshAt) < callIntervalMs;
  }

  remember(connectionRef: string): void {
    const now = this.#clock.now();
    this.#lastCalls.delete(connectionRef);
    this.#lastCalls.set(connectionRef, now);
    for (const [ref, at] of this.#lastCalls) {
      if (now - at < callIntervalMs) break;
      this.#lastCalls.delete(ref);
    }
  }

  forget(connectionRef: string): void {
    this.#lastCalls.delete(connectionRef);
  }
}
