/**
 * Completion: the shells ask the program itself, so that what they offer is what there is. A candidate is a line, its
 * description behind a tab; the line `:files` asks the shell for file names.
 */
import type { Option, Positional } from './arguments.js';
import { type Command, exits, type Io } from './command.js';
import { commands, findCommand } from './commands.js';
import { globalOptions } from './global-options.js';
import { readProfiles } from './profiles.js';

const files = ':files';
const paths = ['FILE', 'FOLDER', 'PATH'];

interface Place {
  readonly io: Pick<Io, 'env'>;
  readonly command: Command;
  /** The words between the command's name and the one to complete. */
  readonly before: readonly string[];
}

/** The last word is the one to complete, and may be empty. */
export async function writeCandidates(words: readonly string[], io: Pick<Io, 'env' | 'stdout'>): Promise<number> {
  const current = words.at(-1) ?? '';
  for (const candidate of await listCandidates(words, io)) {
    if (candidate === files || candidate.startsWith(current)) io.stdout.write(`${candidate}\n`);
  }
  return exits.done;
}

async function listCandidates(words: readonly string[], io: Pick<Io, 'env'>): Promise<readonly string[]> {
  const [current = ''] = words.slice(-1);
  const before = words.slice(0, -1);
  const found = findCommand(before);
  if (found === null) return listNextWords(before);
  const place = { io, command: await found.entry.load(), before: found.rest };
  const options: Readonly<Record<string, Option>> = { ...place.command.options, ...globalOptions };
  const previous = before.at(-1) ?? '';
  const option = findValued(previous, options);
  if (option !== null) return completeValue(previous, option, place);
  if (current.startsWith('-')) {
    return [...Object.entries(options).map(([name, { help }]) => `--${name}\t${help}`), '--help\tthis text'];
  }
  return completePositional(place, options);
}

/** The next words of the names that begin with these. */
function listNextWords(before: readonly string[]): readonly string[] {
  const candidates = new Map<string, string>();
  for (const { name, summary } of commands) {
    const parts = name.split(' ');
    if (before.some((word, at) => parts[at] !== word)) continue;
    const next = parts[before.length];
    if (next === undefined) continue;
    const isWhole = parts.length === before.length + 1;
    if (isWhole || !candidates.has(next)) candidates.set(next, isWhole ? summary : '');
  }
  return [...candidates].map(([word, summary]) => (summary === '' ? word : `${word}\t${summary}`));
}

async function completeValue(name: string, option: Option, { io }: Place): Promise<readonly string[]> {
  if (name === '--profile') {
    // A file that cannot be read is told of when the command runs.
    const known = await readProfiles(io.env).catch(() => null);
    return [...(known?.profiles.keys() ?? [])];
  }
  if ('among' in option && option.among !== undefined) return option.among;
  return 'value' in option && paths.includes(option.value) ? [files] : [];
}

/** The option that this word names and that a value follows. */
function findValued(word: string, options: Readonly<Record<string, Option>>): Option | null {
  const named = Object.entries(options).find(([name, { short }]) => word === `--${name}` || word === `-${short}`);
  return named === undefined || named[1].kind === 'flag' ? null : named[1];
}

function completePositional({ command, before }: Place, options: Readonly<Record<string, Option>>): readonly string[] {
  const given = before.filter(
    (word, at) => !word.startsWith('-') && findValued(before[at - 1] ?? '', options) === null,
  );
  const declared = Object.entries(command.args);
  const [name, positional] = declared[given.length] ?? lastOfMany(declared) ?? [];
  if (name === undefined || positional === undefined) return [];
  return positional.among ?? (paths.includes(name) ? [files] : []);
}

function lastOfMany(declared: readonly [string, Positional][]): [string, Positional] | undefined {
  const last = declared.at(-1);
  return last?.[1].many ? last : undefined;
}
