/** Ctrl-C for commands that have something to put in order before they end. */

export interface Interrupts extends Disposable {
  /** Aborted by the first SIGINT or SIGTERM; a second one ends the program at once. */
  readonly signal: AbortSignal;
}

/** Until it is disposed of. Nobody holding any, these signals end the program by themselves. */
export function holdInterrupts(): Interrupts {
  const controller = new AbortController();
  const names = ['SIGINT', 'SIGTERM'] as const;
  const release = () => {
    for (const name of names) process.off(name, stop);
  };
  const stop = () => {
    release();
    controller.abort();
  };
  for (const name of names) process.on(name, stop);
  return { signal: controller.signal, [Symbol.dispose]: release };
}
