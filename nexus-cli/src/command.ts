/** What every command is, and how it fails. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { toInstant } from '@nexus/core/clock';

export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

export interface Command {
  /** Such as `audit verify`. */
  readonly name: string;
  readonly summary: string;
  /** All of `--help` after the summary: usage, options, an example, exit codes. */
  readonly help: string;
  /** Resolves to the exit code. @throws CommandError */
  run(args: readonly string[], context: CommandContext): Promise<number>;
}

/** The exit codes that are not findings of a verification. */
export const exits = {
  done: 0,
  /** The Broker refused a change. */
  refused: 1,
  usage: 2,
  /** Something could not be reached or read. */
  unreadable: 3,
} as const;

export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

export function usageError(message: string): CommandError {
  return new CommandError(exits.usage, message);
}

type Options = NonNullable<ParseArgsConfig['options']>;
interface Syntax<T extends Options> {
  readonly args: string[];
  readonly options: T;
  readonly allowPositionals: boolean;
  readonly strict: true;
}

/** @throws CommandError for an option nobody knows, or one without its value. */
export function readArgs<const T extends Options>(
  args: readonly string[],
  options: T,
  allowPositionals = false,
): ReturnType<typeof parseArgs<Syntax<T>>> {
  try {
    return parseArgs<Syntax<T>>({ args: [...args], options, allowPositionals, strict: true });
  } catch (error) {
    throw usageError(error instanceof Error ? error.message : String(error));
  }
}

/** @throws CommandError */
export function readCount(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw usageError(`--${name} takes a whole number from 1`);
  }
  return value;
}

/** RFC 3339 as entries of the log have it: UTC, three fraction digits. @throws CommandError */
export function readInstant(name: string, text: string | undefined): string | null {
  if (text === undefined) return null;
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const time = Date.parse(text);
  if (!isInstant || Number.isNaN(time)) throw usageError(`--${name} takes a time such as 2026-11-22T18:00:00Z`);
  return toInstant(time);
}

/** Without what would move a terminal's cursor or turn its text around; messages and names come from elsewhere. */
function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\u{fffd}');
}

/** One line. */
export function print(stream: NodeJS.WritableStream, text: string): void {
  stream.write(`${plain(text)}\n`);
}

export function printJson(stream: NodeJS.WritableStream, value: unknown): void {
  stream.write(`${JSON.stringify(value, null, 2)}\n`);
}
