/** What every command is, what it runs in, and how it fails. */
import type { Given, Options, Positionals } from './arguments.js';
import type { Screen } from './views/screen.js';

type Terminal<T> = T & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined };

/** What a process has; tests hand in streams of their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Terminal<NodeJS.ReadableStream>;
  readonly stdout: Terminal<NodeJS.WritableStream>;
  readonly stderr: Terminal<NodeJS.WritableStream>;
}

export interface CommandContext extends Io {
  /** What standard output is shown on. */
  readonly screen: Screen;
  /** Named by `--profile`. */
  readonly profile: string | null;
  /** Aborted once nobody takes standard output any more: the end for what only shows, and nothing to what changes. */
  readonly outputLost: AbortSignal;
}

export interface Definition<O extends Options, P extends Positionals> {
  /** Paragraphs of `--help` after the options. */
  readonly description?: readonly string[];
  readonly options: O;
  /** In the order in which they are given; only the last may be `optional` or `many`. */
  readonly args: P;
  /** What follows `nexus-cli`, as one would type it. */
  readonly examples: readonly [string, ...string[]];
  /** Of the key that the Broker or the Gateway is asked with; none where nobody is asked. */
  readonly roles: readonly string[];
  /** Exit codes that mean something else than everywhere, or that others do not have. */
  readonly exitCodes?: Readonly<Record<number, string>>;
  /** What a failure exits with, where that differs by what was asked for. */
  exitCodeOf?(code: number, args: readonly string[]): number;
  /** Resolves to the exit code. @throws CommandError */
  run(given: Given<O, P>, context: CommandContext): Promise<number>;
}

export type Command = Definition<Options, Positionals>;

/** A command in the table of all. */
export interface CommandEntry {
  /** One word or several, such as `audit verify`. */
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}

/** Its name and summary stand in the table of commands. */
export function defineCommand<const O extends Options, const P extends Positionals>(
  definition: Definition<O, P>,
): Command {
  return definition;
}

/** The exit codes that are not findings of a verification. */
export const exits = {
  done: 0,
  /** The Broker refused it, or it failed. */
  refused: 1,
  usage: 2,
  /** Something could not be reached or read. */
  unreadable: 3,
} as const;

interface CommandErrorOptions extends ErrorOptions {
  /** Lines that follow the message: what is wrong in particular, and what to do. */
  readonly advice?: readonly string[];
}

export class CommandError extends Error {
  override readonly name: string = 'CommandError';
  readonly exitCode: number;
  readonly advice: readonly string[];

  constructor(exitCode: number, message: string, { advice = [], ...options }: CommandErrorOptions = {}) {
    super(message, options);
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

export function usageError(message: string): CommandError {
  return new CommandError(exits.usage, message);
}
