/** What reaches a stream, and what asks back. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { type CommandContext, CommandError, exits, usageError } from './command.js';
import { columnsOf, deceptive, plain, renderLine, type View } from './views/screen.js';
import { cut } from './views/width.js';

/** One line. */
export function print(stream: NodeJS.WritableStream, text: string): void {
  stream.write(`${plain(text)}\n`);
}

/** Escapes what a terminal obeys where the text of JSON, or of YAML in double quotes, would let it stand. */
export function escapeDeceptive(text: string): string {
  // The line breaks are those of the layout.
  return text.replaceAll(deceptive, (character) => (character === '\n' ? character : escapeCharacter(character)));
}

function escapeCharacter(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

/** JSON that a terminal may show, on one line unless it is indented. */
export function toJsonText(value: unknown, indent = 0): string {
  return escapeDeceptive(JSON.stringify(value, null, indent));
}

export function printJson(stream: NodeJS.WritableStream, value: unknown): void {
  stream.write(`${toJsonText(value, 2)}\n`);
}

interface Presentation<T> {
  readonly data: T;
  readonly view: View<T>;
  readonly isJson: boolean;
}

/** On standard output: the view for people, or the data itself. */
export function present<T>({ data, view, isJson }: Presentation<T>, { stdout, screen }: CommandContext): void {
  if (isJson) printJson(stdout, data);
  else for (const line of view(data, screen)) stdout.write(`${renderLine(line, screen)}\n`);
}

/** Whether a person can be asked. */
export function isInteractive({ stdin, stderr }: CommandContext): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** One line from the terminal. */
export async function ask(question: string, { stdin, stderr }: CommandContext): Promise<string> {
  stderr.write(`${plain(question)} `);
  // What has ended before would never tell that it has.
  if (!stdin.readable) return '';
  const lines = createInterface({ input: stdin, terminal: false });
  try {
    for await (const line of lines) return line.trim();
    return '';
  } finally {
    lines.close();
  }
}

/** One line for each question, without showing what is typed. @throws CommandError for whoever gives none */
export async function askSecrets(questions: readonly string[], context: CommandContext): Promise<readonly string[]> {
  const { stdin, stderr } = context;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: nowhere, terminal: true });
  const typed = lines[Symbol.asyncIterator]();
  const answers: string[] = [];
  try {
    for (const question of questions) {
      stderr.write(`${plain(question)} `);
      const { value, done } = await typed.next();
      stderr.write('\n');
      if (done) throw new CommandError(exits.refused, 'nothing was done');
      answers.push(value.trim());
    }
    return answers;
  } finally {
    lines.close();
  }
}

interface Confirmation {
  /** What will be done, as a statement, without a full stop. */
  readonly what: string;
  /** `--yes`. */
  readonly isAgreed: boolean;
}

/** @throws CommandError unless somebody agrees. */
export async function confirm({ what, isAgreed }: Confirmation, context: CommandContext): Promise<void> {
  if (isAgreed) return;
  if (!isInteractive(context)) throw usageError(`${what}: repeat it with --yes`);
  const answer = await ask(`${what}. Go on? [y/N]`, context);
  if (!/^y(es)?$/i.test(answer)) throw new CommandError(exits.refused, 'nothing was done');
}

export interface Progress {
  /** Replaces what was shown before. */
  show(text: string): void;
  /** Takes it away again. */
  end(): void;
}

/** A line on standard error while something takes long, and nothing where that is not a terminal. */
export function startProgress({ stderr }: Pick<CommandContext, 'stderr'>): Progress {
  let isShown = false;
  const end = () => {
    if (isShown) stderr.write('\r\u001b[2K');
    isShown = false;
  };
  return {
    show(text) {
      const columns = columnsOf(stderr);
      if (columns === null) return;
      end();
      stderr.write(cut(plain(text), columns - 1));
      isShown = true;
    },
    end,
  };
}
