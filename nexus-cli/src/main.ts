/** The administrators' client: finds the command, runs it, and turns what goes wrong into a few lines and an exit code. */
import { CommandError, exits, type Io, usageError } from './command.js';
import { commands, type FoundCommand, findCommand } from './commands.js';
import { watchOutput } from './output.js';
import { readVersion } from './version.js';
import { columnsOf, plain } from './views/screen.js';

interface MainInput extends Io {
  /** What was typed after the program's name. */
  readonly args: readonly string[];
}

/** Resolves to the exit code. */
export async function main({ args, ...io }: MainInput): Promise<number> {
  const output = watchOutput(io.stdout);
  // What is under way does not end because nobody reads the notes about it.
  io.stderr.on('error', () => undefined);
  const found = findCommand(moveGlobals(inOneSpelling(args)));
  try {
    const code = await unlessLost(found === null ? answer(args, io) : run(found, io, output.lost), output.lost);
    await output.settle();
    return code;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const isUsage = found !== null && error.exitCode === exits.usage;
    const hint = isUsage ? [`nexus-cli ${found.entry.name} --help shows how it is used`] : [];
    const lines = [`nexus-cli: ${error.message}`, ...[...error.advice, ...hint].map((line) => `  ${line}`)];
    for (const line of lines) io.stderr.write(`${plain(line)}\n`);
    const command = await found?.entry.load();
    return command?.exitCodeOf?.(error.exitCode, found?.rest ?? []) ?? error.exitCode;
  }
}

/** A command may pass the failure of its output on; that is told once, for all of them. */
async function unlessLost(running: Promise<number>, lost: AbortSignal): Promise<number> {
  try {
    return await running;
  } catch (error) {
    if (lost.aborted && error === lost.reason) return exits.done;
    throw error;
  }
}

/** What is no command. */
async function answer(args: readonly string[], io: Io): Promise<number> {
  const [first = ''] = args;
  if (first === '__complete') return (await import('./completion.js')).writeCandidates(args.slice(1), io);
  if (first !== '--version' && first !== '-V') return await explain(args, io);
  io.stdout.write(`nexus-cli ${await readVersion()}\n`);
  return exits.done;
}

async function run({ entry, rest: words }: FoundCommand, io: Io, outputLost: AbortSignal): Promise<number> {
  const command = await entry.load();
  if (isHelpAsked(words)) {
    const { renderCommandHelp } = await import('./help.js');
    io.stdout.write(renderCommandHelp(entry, command, columnsOf(io.stdout)));
    return exits.done;
  }
  const { looksLikeToken } = await import('@nexus/core/tokens');
  if (words.some(looksLikeToken)) {
    throw usageError('a key or token does not belong on the command line, where others see it: put it into a file');
  }
  const { runCommand } = await import('./run-command.js');
  return await runCommand(command, words, io, outputLost);
}

function isHelpAsked(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.some((word, at) => (word === '--help' || word === '-h') && (end === -1 || at < end));
}

/** `--no-color` is what other programs have. */
function inOneSpelling(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return args.map((arg, at) => (arg === '--no-color' && (end === -1 || at < end) ? '--no-colour' : arg));
}

/** `--profile` and `--no-colour` may stand before the command; what reads them expects them behind its name. */
function moveGlobals(args: readonly string[]): readonly string[] {
  const at = args.findIndex((arg, index) => !arg.startsWith('-') && args[index - 1] !== '--profile');
  if (at < 1 || args.slice(0, at).some((arg) => !/^--(profile|no-colour)(=|$)|^[^-]/.test(arg))) return args;
  const found = findCommand(args.slice(at));
  if (found === null) return args;
  return [...found.entry.name.split(' '), ...args.slice(0, at), ...found.rest];
}

/** What there is, for whoever asks for help or for what there is not. */
async function explain(args: readonly string[], io: Io): Promise<number> {
  const words = args.filter((arg) => !arg.startsWith('-') && arg !== 'help');
  const isAsked = isHelpAsked(args) || args[0] === 'help';
  const isGroup = commands.some(({ name }) => name.startsWith(`${words.join(' ')} `));
  const isKnown = words.length === 0 || isGroup;
  if (!isKnown) io.stderr.write(`nexus-cli: ${plain(`there is no command ${words.slice(0, 3).join(' ')}`)}\n`);
  const { renderOverview } = await import('./help.js');
  const group = isGroup ? words : words.slice(0, commands.some(({ name }) => name.startsWith(`${words[0]} `)) ? 1 : 0);
  (isKnown ? io.stdout : io.stderr).write(renderOverview(group, columnsOf(io.stdout)));
  return isAsked && isKnown ? exits.done : exits.usage;
}
