import type { EventEmitter } from 'node:events';
import { rmSync } from 'node:fs';
import { ChildGroup } from './child-group.js';
import type { Child, ChildEnd } from './child-process.js';
import type { Environment } from './environment.js';
import { StartError, UsageError } from './failure.js';
import { parseOptions, usage } from './options.js';
import { runServices } from './run.js';
import { createTerminal, type Terminal, type TerminalOutput } from './terminal.js';
import { waitForAbort } from './waiting.js';

export interface LauncherContext {
  readonly argv: readonly string[];
  readonly environment: Environment;
  /** The directory npm was called in; relative paths of options start there. */
  readonly workingDirectory: string;
  /** The root of the repository, which holds the compiled services. */
  readonly repository: URL;
  readonly output: TerminalOutput & EventEmitter;
  /** Where signals arrive: the process. */
  readonly events: EventEmitter;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The reason of a stop that somebody asked for, in contrast to one that a failure forces. */
class StopRequest extends Error {
  override readonly name = 'StopRequest';
}

function explainEnd(terminal: Terminal, child: Child, end: ChildEnd): StartError {
  const how = end.signal === null ? `with exit code ${end.code ?? 'unknown'}` : `by ${end.signal}`;
  const lines = child.readLastLines();
  const log =
    lines.length === 0 ? '' : ` The end of its log:\n${lines.map((line) => terminal.faint(`  ${line}`)).join('\n')}`;
  return new StartError(`The process "${child.name}" ended unexpectedly, ${how}.${log}`);
}

/**
 * When npm itself is killed, no signal reaches this process; its parent changes, though. Only asked under npm: whoever
 * starts the launcher from a shell may close that shell.
 */
function watchParent(environment: Environment, onGone: () => void): () => void {
  if (environment['npm_lifecycle_event'] === undefined) return () => undefined;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) onGone();
  }, 500);
  return () => clearInterval(timer);
}

async function supervise(context: LauncherContext, terminal: Terminal): Promise<void> {
  const command = parseOptions(context.argv, context.workingDirectory);
  if (command.kind === 'help') {
    terminal.print(usage);
    return;
  }
  const stop = new AbortController();
  const requestStop = (): void => {
    if (stop.signal.aborted) return;
    stop.abort(new StopRequest());
    terminal.print(`\n${terminal.faint('Stopping…')}`);
  };
  // The listeners stay until the end, so that a second signal (npm forwards what the terminal already sent) does no harm.
  for (const signal of signals) context.events.on(signal, requestStop);
  const unwatchParent = watchParent(context.environment, requestStop);
  const group = new ChildGroup((child, end) => stop.abort(explainEnd(terminal, child, end)));
  try {
    await runServices(
      { group, terminal, fetch, now: Date.now },
      {
        options: command.options,
        environment: context.environment,
        workingDirectory: context.workingDirectory,
        repository: context.repository,
        signal: stop.signal,
      },
    );
    await waitForAbort(stop.signal);
    stop.signal.throwIfAborted();
  } finally {
    stop.abort(new StopRequest());
    const killed = await group.stop();
    if (killed.length > 0) terminal.print(`Had to be killed, it did not stop in time: ${killed.join(', ')}.`);
    // Whoever waits for the next start must not read of this one.
    if (command.options.readyFile !== null) rmSync(command.options.readyFile, { force: true });
    unwatchParent();
    for (const signal of signals) context.events.off(signal, requestStop);
  }
}

/**
 * Runs everything `npm start` promises and resolves with the exit code once all of it has stopped: 0 after a signal, 1
 * when a service fails, 2 when the command line cannot be followed.
 */
export async function main(context: LauncherContext): Promise<number> {
  // Every file of the run, the services' included, is for its owner only.
  process.umask(0o077);
  // A closed terminal must not turn an orderly stop into a crash.
  context.output.on('error', () => undefined);
  const terminal = createTerminal(context.output, context.environment);
  try {
    await supervise(context, terminal);
    return 0;
  } catch (error) {
    if (error instanceof StopRequest) {
      terminal.print(terminal.faint('Stopped.'));
      return 0;
    }
    if (error instanceof UsageError) {
      terminal.print(`${terminal.bad('Error:')} ${error.message} npm start -- --help shows the options.`);
      return 2;
    }
    const message = error instanceof StartError ? error.message : String(error instanceof Error ? error.stack : error);
    terminal.print(`${terminal.bad('Error:')} ${message}`);
    return 1;
  }
}
