/** Standard output as a whole: what becomes of a command whose output nobody takes any more. */
import { CommandError, exits } from './command.js';

export interface Output {
  /** Aborted, with the error as its reason, once something could not be written; what follows is dropped. */
  readonly lost: AbortSignal;
  /** Waits for what was written. @throws CommandError unless all of it got there, or its reader has seen enough. */
  settle(): Promise<void>;
}

/** Without it the first write that fails would end the program in the middle of what it does. */
export function watchOutput(stdout: NodeJS.WritableStream): Output {
  const controller = new AbortController();
  const { signal: lost } = controller;
  stdout.on('error', (error) => controller.abort(error));
  return {
    lost,
    async settle() {
      if (!lost.aborted) await new Promise<void>((resolve) => stdout.write('', () => resolve()));
      const error = lost.reason as NodeJS.ErrnoException | undefined;
      // Such as `head`, which has read as much as it wanted.
      if (error !== undefined && error.code !== 'EPIPE') throw describeOutputError(error);
    },
  };
}

/** Resolves once it is written, for what must not get lost. @throws CommandError */
export async function writeForSure(stdout: NodeJS.WritableStream, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stdout.write(text, (error) => (error ? reject(describeOutputError(error)) : resolve()));
  });
}

function describeOutputError(error: NodeJS.ErrnoException): CommandError {
  return new CommandError(exits.unreadable, `standard output: ${error.code ?? error.message}`, { cause: error });
}
