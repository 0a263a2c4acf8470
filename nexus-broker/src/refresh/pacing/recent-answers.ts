/** What a connection that may not be refreshed yet was told, for a moment: readers who can wait then cost nothing. */
import type { Clock } from '@nexus/core/clock';
import type { Connection } from '../../domain/connection.js';
import type { RefreshOutcome } from '../refresh-outcome.js';

/** Another Broker may have renewed it meanwhile. */
const memoryMs = 1_000;
const maxConnections = 10_000;

export class RecentAnswers {
  readonly #clock: Clock;
  /** By connection; the latest comes last. */
  readonly #answers = new Map<
    string,
    { version: number; profileVersion: number; atMs: number; outcome: RefreshOutcome }
  >();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note<T extends RefreshOutcome>({ connectionRef, version }: Connection, profileVersion: number, outcome: T): T {
    const atMs = this.#clock.now();
    this.#answers.delete(connectionRef);
    this.#answers.set(connectionRef, { version, profileVersion, atMs, outcome });
    for (const [ref, answer] of this.#answers) {
      if (this.#isFresh(answer.atMs) && this.#answers.size <= maxConnections) break;
      this.#answers.delete(ref);
    }
    return outcome;
  }

  find({ connectionRef, version }: Connection, profileVersion: number): RefreshOutcome | null {
    const answer = this.#answers.get(connectionRef);
    if (answer === undefined || !this.#isFresh(answer.atMs)) return null;
    return answer.version === version && answer.profileVersion === profileVersion ? answer.outcome : null;
  }

  #isFresh(atMs: number): boolean {
    const passedMs = this.#clock.now() - atMs;
    return passedMs >= 0 && passedMs < memoryMs;
  }
}
