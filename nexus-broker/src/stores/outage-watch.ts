import { NexusError } from '@nexus/core/errors';
import { describeWriteFailure } from './engines/unavailable.js';

/** How long a failed write counts: a disk that is full refuses the next one as well, and only writes find out. */
const memoryMs = 5_000;
/** Within it, whatever waited for the database in any Broker has been written. */
const recoveryMs = 10_000;

/** Remembers why transactions failed just now, where the database and not the statement was at fault. */
export class OutageWatch {
  #failure: { readonly reason: string; readonly atMs: number } | null = null;
  #outageAtMs: number | null = null;

  async watch<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const reason = describeWriteFailure(error);
      if (reason !== null) this.#failure = { reason, atMs: performance.now() };
      if (reason !== null || isOutage(error)) this.#outageAtMs = performance.now();
      throw error;
    }
  }

  /** Null when nothing failed lately. */
  recentFailure(): string | null {
    if (this.#failure === null || performance.now() - this.#failure.atMs > memoryMs) return null;
    return this.#failure.reason;
  }

  /** Whether the database could not be used a moment ago, for whatever reason. */
  hadOutage(): boolean {
    return this.#outageAtMs !== null && performance.now() - this.#outageAtMs <= recoveryMs;
  }
}

function isOutage(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof NexusError && cause.code === 'broker_unavailable') return true;
  }
  return false;
}
