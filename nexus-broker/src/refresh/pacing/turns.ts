/**
 * Turns at one provider's token endpoint, given out in order. All that wait in this Broker ask the database together,
 * and what it said last is remembered for a moment, so that a crowd costs no more queries than one caller.
 */
import type { Clock } from '@nexus/core/clock';
import { largestBatch } from '../../domain/call-rate.js';
import type { CallTarget } from '../../stores/call-pace-key.js';
import type { Database } from '../../stores/database.js';
import type { Refused } from '../call-gate.js';

export interface TurnsDeps {
  readonly database: Pick<Database, 'transaction'>;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface Turn {
  readonly kind: 'turn';
  /** Failures in a row before this call. */
  readonly failures: number;
  /** Whether the provider complained about a connection, and served none since. */
  readonly isSuspected: boolean;
  /** Whether the breaker is open, and this call tries to close it. */
  readonly isProbe: boolean;
  /** Whether the provider is stopped, and this call tries whether it still has to be. */
  readonly isStopProbe: boolean;
}

interface Obstacle {
  readonly kind: 'obstacle';
  readonly reason: 'breaker_open' | 'rate' | 'stopped';
  readonly waitMs: number;
}

interface Waiter {
  readonly target: CallTarget;
  readonly callsPerSecond: number;
  readonly deadline: number;
  resolve(answer: Turn | Refused): void;
  reject(error: unknown): void;
}

/** Another Broker may have closed a breaker meanwhile. */
const memoryMs = 1_000;
const stopProbeSeconds = 60;

export class Turns {
  readonly #deps: TurnsDeps;
  readonly #queue: Waiter[] = [];
  #known: (Obstacle & { readonly sinceMs: number }) | null = null;
  #isPumping = false;

  constructor(deps: TurnsDeps) {
    this.#deps = deps;
  }

  /** Why a call cannot have its turn within `patienceMs`, as far as that is known already. */
  foresee(patienceMs: number): Refused | null {
    const obstacle = this.#remember();
    if (obstacle !== null && (obstacle.reason !== 'rate' || obstacle.waitMs > patienceMs)) return refuse(obstacle);
    if (this.#queue.length === 0 || patienceMs > 0) return null;
    return refuse({ reason: 'rate', waitMs: obstacle?.waitMs ?? 0 });
  }

  /** @throws what the database throws. */
  async take(target: CallTarget, callsPerSecond: number, patienceMs: number): Promise<Turn | Refused> {
    const refused = this.foresee(patienceMs);
    if (refused !== null) return refused;
    const deadline = this.#deps.clock.now() + patienceMs;
    return new Promise((resolve, reject) => {
      this.#queue.push({ target, callsPerSecond, deadline, resolve, reject });
      if (!this.#isPumping) void this.#pump();
    });
  }

  /** After an answer that removes whatever stood in the way. */
  forget(): void {
    this.#known = null;
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    try {
      while (this.#queue.length > 0) await this.#step();
    } catch (error) {
      for (const waiter of this.#queue.splice(0)) waiter.reject(error);
    } finally {
      this.#isPumping = false;
    }
  }

  async #step(): Promise<void> {
    const obstacle = this.#remember();
    if (obstacle !== null) {
      this.#turnAway(obstacle);
      if (this.#queue.length > 0) await this.#deps.sleep(Math.min(obstacle.waitMs, memoryMs));
      return;
    }
    const [first] = this.#queue;
    if (first === undefined) return;
    const permits = Math.min(this.#queue.length, largestBatch(first.callsPerSecond));
    const { turns, next } = await this.#deps.database.transaction((stores) =>
      seekTurns(stores.callPace, { ...first.target, callsPerSecond: first.callsPerSecond, permits }, this.#deps.random),
    );
    this.#known = { ...next, sinceMs: this.#deps.clock.now() };
    for (const turn of turns) this.#queue.shift()?.resolve(turn);
  }

  /** Nobody waits for a breaker or a stop, nor for a turn that comes too late. */
  #turnAway(obstacle: Obstacle): void {
    const latest = this.#deps.clock.now() + obstacle.waitMs;
    for (const waiter of this.#queue.splice(0)) {
      if (obstacle.reason === 'rate' && waiter.deadline >= latest) this.#queue.push(waiter);
      else waiter.resolve(refuse(obstacle));
    }
  }

  #remember(): Obstacle | null {
    const known = this.#known;
    if (known === null) return null;
    const passedMs = this.#deps.clock.now() - known.sinceMs;
    // A clock that jumps makes it ask again.
    if (passedMs < 0 || passedMs >= Math.min(known.waitMs, memoryMs)) return null;
    return { kind: 'obstacle', reason: known.reason, waitMs: known.waitMs - passedMs };
  }
}

type CallPace = Parameters<Parameters<Database['transaction']>[0]>[0]['callPace'];
type Seek = CallTarget & { readonly callsPerSecond: number; readonly permits: number };

/** What was to be had, and what stands in the way of the next call. */
interface Sought {
  readonly turns: readonly Turn[];
  readonly next: Obstacle;
}

async function seekTurns(callPace: CallPace, seek: Seek, random: () => number): Promise<Sought> {
  const admission = await callPace.admit({ ...seek, ignoresStop: false });
  if (admission !== null) {
    const { failures, isSuspected, permits, waitMs } = admission;
    const turn: Turn = { kind: 'turn', failures, isSuspected, isProbe: false, isStopProbe: false };
    return { turns: Array.from({ length: permits }, () => turn), next: createObstacle('rate', waitMs) };
  }
  const state = await callPace.findState(seek);
  const isStopped = state.stopWaitMs !== null;
  if (state.stopWaitMs !== null && state.stopWaitMs > 0) return none('stopped', state.stopWaitMs);
  if (state.probeWaitMs !== null) {
    const againInMs = drawProbePause(random);
    if (state.probeWaitMs > 0 || !(await callPace.takeProbe(seek, againInMs))) {
      return none('breaker_open', Math.max(state.probeWaitMs, state.rateWaitMs));
    }
    if (isStopped && !(await callPace.takeStopProbe(seek, stopProbeSeconds))) return none('stopped', 0);
    const turn: Turn = { kind: 'turn', failures: 1, isSuspected: true, isProbe: true, isStopProbe: isStopped };
    return { turns: [turn], next: createObstacle('breaker_open', againInMs) };
  }
  if (!isStopped || state.rateWaitMs > 0) return none('rate', state.rateWaitMs);
  const tried = await callPace.admit({ ...seek, permits: 1, ignoresStop: true });
  if (tried === null || !(await callPace.takeStopProbe(seek, stopProbeSeconds))) return none('stopped', 0);
  const { failures, isSuspected } = tried;
  const turn: Turn = { kind: 'turn', failures, isSuspected, isProbe: false, isStopProbe: true };
  return { turns: [turn], next: createObstacle('stopped', stopProbeSeconds * 1_000) };
}

/** Until one call may try an endpoint that fails: five to ten seconds, in ms. */
export function drawProbePause(random: () => number): number {
  return 5_000 + Math.floor(random() * 5_000);
}

/** A wait of nothing means that somebody else was quicker. */
function createObstacle(reason: Obstacle['reason'], waitMs: number): Obstacle {
  return { kind: 'obstacle', reason, waitMs };
}

function none(reason: Obstacle['reason'], waitMs: number): Sought {
  return { turns: [], next: createObstacle(reason, Math.max(5, waitMs)) };
}

export function refuse({
  reason,
  waitMs,
}: Pick<Obstacle, 'reason' | 'waitMs'> | { reason: 'concurrency'; waitMs: number }): Refused {
  return { kind: 'refused', reason, retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1_000)) };
}
