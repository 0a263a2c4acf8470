/**
 * Keeps the calls to a provider within what it stands, over all Brokers: a breaker for each token endpoint, a rate for
 * each client there, a stop for each client that is refused. What is shared lies in the database and runs out by its clock, so a Broker
 * that dies in a call leaves nothing behind that would have to be freed.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '@nexus/core/clock';
import type { CallTarget } from '../../stores/call-pace-key.js';
import type { Database } from '../../stores/database.js';
import type { Admitted, CallEnd, CallGate, CallRequest, Refused } from '../call-gate.js';
import { Slots } from './slots.js';
import { drawProbePause, refuse, type Turn, Turns, type TurnsDeps } from './turns.js';

type WriteLog = (
  message: string,
  entry: { readonly providerName: string; readonly upstreamError?: string | null; readonly error?: unknown },
) => void;

interface PacedGateDeps {
  readonly database: Pick<Database, 'transaction' | 'stores'>;
  readonly clock: Clock;
  readonly logger: { readonly warn: WriteLog; readonly error: WriteLog };
  readonly sleep?: TurnsDeps['sleep'];
  readonly random?: TurnsDeps['random'];
}

interface Lane {
  readonly slots: Slots;
  readonly turns: Turns;
  /** Whether this Broker saw a call fail since the last that did not. */
  isTroubled: boolean;
  /** Whether the provider complained about a connection of this Broker's, and served none of its others since. */
  isSuspected: boolean;
  profileVersion: number;
}

const stopProbeSeconds = 60;
const longestDelaySeconds = 900;
/** For a provider that is called too often and does not say for how long to wait. */
const usualDelaySeconds = 5;

export class PacedGate implements CallGate {
  readonly #deps: PacedGateDeps & TurnsDeps;
  readonly #lanes = new Map<string, Lane>();

  constructor(deps: PacedGateDeps) {
    this.#deps = { sleep: (ms) => wait(ms, undefined, { ref: false }), random: Math.random, ...deps };
  }

  async enter({ provider, connectionRef, origin, patienceMs }: CallRequest): Promise<Admitted | Refused> {
    const { clock } = this.#deps;
    const { concurrency, callsPerSecond } = provider.profile.refresh;
    const target = { origin, providerId: provider.providerId, profileVersion: provider.version, connectionRef };
    const lane = this.#laneOf(target);
    const refused = lane.turns.foresee(patienceMs);
    if (refused !== null) return refused;
    const startedAt = clock.now();
    if (!(await lane.slots.enter(concurrency, patienceMs))) return refuse({ reason: 'concurrency', waitMs: 0 });
    let answer: Turn | Refused;
    try {
      answer = await lane.turns.take(target, callsPerSecond, Math.max(0, patienceMs - (clock.now() - startedAt)));
    } catch (error) {
      lane.slots.leave();
      throw error;
    }
    if (answer.kind === 'refused') {
      lane.slots.leave();
      return answer;
    }
    return this.#admit(lane, target, answer, provider.profile.name);
  }

  #laneOf({ origin, providerId, profileVersion }: CallTarget): Lane {
    const key = `${providerId} ${origin}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      const [slots, turns] = [new Slots(this.#deps), new Turns(this.#deps)];
      lane = { slots, turns, isTroubled: false, isSuspected: false, profileVersion };
      this.#lanes.set(key, lane);
    }
    // What stood in the way may have been the profile.
    if (lane.profileVersion !== profileVersion) lane.turns.forget();
    lane.profileVersion = profileVersion;
    return lane;
  }

  #admit(lane: Lane, target: CallTarget, turn: Turn, providerName: string): Admitted {
    let isSettled = false;
    return {
      kind: 'admitted',
      settle: async (end) => {
        if (isSettled) return;
        isSettled = true;
        if (servesUs(end)) lane.slots.trust();
        try {
          await this.#record(lane, target, turn, { end, providerName });
        } catch (error) {
          // The next call finds out for itself.
          this.#deps.logger.warn('the outcome of a provider call could not be counted', { error, providerName });
        } finally {
          lane.slots.leave();
        }
      },
    };
  }

  async #record(lane: Lane, target: CallTarget, turn: Turn, { end, providerName }: CallReport): Promise<void> {
    if (end === 'no_call') return;
    if (isFailure(end)) {
      if (end.class === 'origin_changed') return;
      if (isSilent(end)) return this.#recordFailure(lane, target, providerName);
      if (end.class === 'throttled') return this.#recordDelay(lane, target, end);
      if (end.class === 'configuration') await this.#recordRefusal(lane, target, { end, providerName });
    }
    if (turn.isProbe || turn.failures > 0 || lane.isTroubled) {
      await this.#deps.database.transaction(({ callPace }) => callPace.noteSuccess(target.origin));
      lane.isTroubled = false;
      if (turn.isProbe) this.#deps.logger.warn('a token endpoint answers again', { providerName });
    }
    if (servesUs(end)) await this.#recordService(lane, target, turn, providerName);
    if (turn.isProbe || turn.isStopProbe) lane.turns.forget();
  }

  async #recordService(lane: Lane, target: CallTarget, turn: Turn, providerName: string): Promise<void> {
    if (turn.isSuspected || lane.isSuspected) {
      await this.#deps.database.transaction(({ callPace }) => callPace.clearSuspicion(target));
      lane.isSuspected = false;
    }
    if (!turn.isStopProbe) return;
    await this.#deps.database.transaction(({ callPace }) => callPace.resume(target.providerId));
    this.#deps.logger.warn('a provider accepts our client again', { providerName });
  }

  #recordDelay(lane: Lane, target: CallTarget, { retryAfterSeconds }: ProviderCallFailure): Promise<void> {
    const seconds = Math.min(retryAfterSeconds ?? usualDelaySeconds, longestDelaySeconds);
    lane.isSuspected = true;
    lane.turns.forget();
    return this.#deps.database.transaction(({ callPace }) => callPace.delay(target, seconds));
  }

  async #recordFailure(lane: Lane, target: CallTarget, providerName: string): Promise<void> {
    lane.isTroubled = true;
    const probeInMs = drawProbePause(this.#deps.random);
    const isOpened = await this.#deps.database.transaction(({ callPace }) => callPace.noteFailure(target, probeInMs));
    if (!isOpened) return;
    lane.turns.forget();
    this.#deps.logger.warn('a token endpoint keeps failing; it is asked every few seconds only', { providerName });
  }

  async #recordRefusal(lane: Lane, target: CallTarget, { end, providerName }: CallReport): Promise<void> {
    lane.isSuspected = true;
    lane.slots.distrust();
    const news = await this.#deps.database.transaction(({ callPace }) =>
      callPace.noteRefusal(target, stopProbeSeconds),
    );
    const entry = { providerName, upstreamError: isFailure(end) ? end.upstreamError : null };
    if (news === 'suspected') {
      this.#deps.logger.warn('a provider refused our client for one connection, which waits now', entry);
    }
    if (news !== 'stopped') return;
    lane.turns.forget();
    this.#deps.logger.error(
      'a provider refuses our client; nothing is refreshed there until its profile changes',
      entry,
    );
  }
}

interface CallReport {
  readonly end: CallEnd;
  readonly providerName: string;
}

type ProviderCallFailure = Exclude<CallEnd, string | null>;

function isFailure(end: CallEnd): end is ProviderCallFailure {
  return end !== null && typeof end === 'object';
}

/** Nobody is at home: an answer that blames the request, in whatever words, shows an endpoint at work. */
function isSilent({ class: failureClass, upstreamStatus: status }: ProviderCallFailure): boolean {
  if (failureClass === 'in_doubt') return true;
  const blamesRequest = status !== null && status >= 400 && status < 500 && status !== 408;
  return failureClass === 'transient' && !blamesRequest;
}

/** The provider granted something, or refused a grant: either way it knows our client. */
function servesUs(end: CallEnd): boolean {
  return end === null || (isFailure(end) && end.class === 'final');
}
