/** Time that moves only when a test moves it, and the points at which one of several processes may go on. */

/** A process; one that died goes on no more. */
export interface Mortal {
  isAlive: boolean;
}

interface Parked {
  readonly owner: Mortal;
  readonly resume: () => void;
}

interface Alarm {
  readonly atMs: number;
  readonly resume: () => void;
}

/** More than any run takes that comes to an end. */
const mostTurns = 20_000;

export class Timeline {
  /** Unix milliseconds. */
  nowMs: number;
  #parked: Parked[] = [];
  #alarms: Alarm[] = [];

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  /** Resolves when it is the caller's turn; never for the dead. */
  step(owner: Mortal): Promise<void> {
    return new Promise((resume) => {
      if (owner.isAlive) this.#parked.push({ owner, resume });
    });
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resume) => {
      const alarm = { atMs: this.nowMs + Math.max(0, ms), resume: () => resume() };
      const later = this.#alarms.findIndex(({ atMs }) => atMs > alarm.atMs);
      this.#alarms.splice(later === -1 ? this.#alarms.length : later, 0, alarm);
    });
  }

  /** Lets one of those who wait go on as far as it gets; false where none waits. `choice` says which. */
  async goOn(choice: number): Promise<boolean> {
    await settle();
    this.#parked = this.#parked.filter(({ owner }) => owner.isAlive);
    const [chosen] = this.#parked.splice(choice % Math.max(1, this.#parked.length), 1);
    if (chosen === undefined) return false;
    chosen.resume();
    await settle();
    return true;
  }

  /** Lets everything happen that happens by itself until `untilMs`, without anybody dawdling for more than that. */
  async runUntil(untilMs: number, choose: () => number): Promise<void> {
    for (let turns = 0; ; ) {
      while (await this.goOn(choose())) {
        turns += 1;
        if (turns > mostTurns) throw new Error('they go on without end');
      }
      if ((this.#alarms[0]?.atMs ?? Number.POSITIVE_INFINITY) > untilMs) break;
      await this.wakeNext();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /** Lets the time pass until the first of those who sleep wakes, if any does. */
  async wakeNext(): Promise<void> {
    const next = this.#alarms.shift();
    if (next === undefined) return;
    this.nowMs = Math.max(this.nowMs, next.atMs);
    next.resume();
    await settle();
  }
}

/** Every promise that needs no turn and no time has run its course by then. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
