/** Runs a task again and again with a jittered pause; one run at a time, and none after close. */
interface Task {
  readonly run: () => Promise<void>;
  readonly everyMs: number;
}

export class Scheduler {
  readonly #onError: (error: unknown) => void;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  start(task: Task): void {
    if (this.#closed) return;
    // Replicas that started together drift apart, so that they do not sweep in step.
    const pause = task.everyMs * (0.7 + Math.random() * 0.6);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const run = task
        .run()
        .catch(this.#onError)
        .finally(() => {
          this.#running.delete(run);
          this.start(task);
        });
      this.#running.add(run);
    }, pause);
    this.#timers.add(timer);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.allSettled(this.#running);
  }
}
