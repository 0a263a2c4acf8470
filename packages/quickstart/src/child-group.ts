import { type Child, type ChildEnd, type ChildSpec, startChild } from './child-process.js';

export interface StopLimits {
  /** How long one wave may take before the next is asked to stop as well. */
  readonly waveMs: number;
  /** When whatever still runs is killed, counted from the call of `stop`. */
  readonly killAfterMs: number;
}

const standardLimits: StopLimits = { waveMs: 4_000, killAfterMs: 9_000 };

function waitAtMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, milliseconds));
    void work.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** The processes of one run: they live and end together. */
export class ChildGroup {
  readonly #children: Child[] = [];
  readonly #onUnexpectedEnd: (child: Child, end: ChildEnd) => void;
  #stopping: Promise<readonly string[]> | null = null;

  constructor(onUnexpectedEnd: (child: Child, end: ChildEnd) => void) {
    this.#onUnexpectedEnd = onUnexpectedEnd;
  }

  start(spec: ChildSpec): Child {
    const child = startChild(spec);
    this.#children.push(child);
    void child.ended.then((end) => {
      if (this.#stopping === null) this.#onUnexpectedEnd(child, end);
    });
    return child;
  }

  /**
   * Asks the children to stop, each once, the last started first: a Gateway ends its requests while its Broker still
   * answers. Repeated calls share one stop. Resolves with the names of those that had to be killed.
   */
  stop(limits: StopLimits = standardLimits): Promise<readonly string[]> {
    this.#stopping ??= this.#stopInWaves(limits);
    return this.#stopping;
  }

  async #stopInWaves({ waveMs, killAfterMs }: StopLimits): Promise<readonly string[]> {
    const startedAt = performance.now();
    const everyEnd = Promise.all(this.#children.map((child) => child.ended));
    for (const child of this.#children.toReversed()) {
      if (child.hasEnded()) continue;
      child.kill('SIGTERM');
      const left = killAfterMs - (performance.now() - startedAt);
      await waitAtMost(Math.min(waveMs, left), child.ended);
    }
    await waitAtMost(killAfterMs - (performance.now() - startedAt), everyEnd);
    const stubborn = this.#children.filter((child) => !child.hasEnded());
    for (const child of stubborn) child.kill('SIGKILL');
    await everyEnd;
    return stubborn.map((child) => child.name);
  }
}
