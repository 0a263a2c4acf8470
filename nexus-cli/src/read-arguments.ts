/** What was typed, by the declaration of a command. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { toInstant } from '@nexus/core/clock';
import type { Given, Option, Options, Positionals } from './arguments.js';
import { usageError } from './command.js';

/** @throws CommandError for what the declaration does not have. */
export function readArguments<O extends Options, P extends Positionals>(
  declared: { readonly options: O; readonly args: P },
  words: readonly string[],
): Given<O, P> {
  const { values, positionals } = parse(declared.options, words);
  const options = Object.entries(declared.options).map(([name, option]) => [
    name,
    readOption(name, option, values[name]),
  ]);
  const given = { options: Object.fromEntries(options), args: readPositionals(declared.args, positionals) };
  return given as Given<O, P>;
}

function parse(options: Options, words: readonly string[]) {
  const config = Object.entries(options).map(([name, option]) => [
    name,
    {
      type: option.kind === 'flag' ? 'boolean' : 'string',
      multiple: option.kind === 'list',
      ...(option.short === undefined ? {} : { short: option.short }),
    },
  ]);
  try {
    return parseArgs({
      args: markMaybes(options, words),
      options: Object.fromEntries(config) as NonNullable<ParseArgsConfig['options']>,
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    const { message } = error as Error;
    const [, unknown] = /^Unknown option '([^']+)'/.exec(message) ?? [];
    throw usageError(unknown === undefined ? message : `there is no option ${unknown}`);
  }
}

/** Ties the value to its option, or says that there is none: parseArgs knows no option that may have one. */
function markMaybes(options: Options, words: readonly string[]): string[] {
  const marked: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const isMaybe = word.startsWith('--') && options[word.slice(2)]?.kind === 'maybe';
    const next = words[at + 1];
    if (isMaybe && next !== undefined && !next.startsWith('-')) at += 1;
    marked.push(isMaybe ? `${word}=${next?.startsWith('-') === false ? next : ''}` : word);
  }
  return marked;
}

function readOption(name: string, option: Option, given: unknown): unknown {
  switch (option.kind) {
    case 'flag':
      return given === true;
    case 'list':
      return ((given ?? []) as readonly string[]).map((text) => oneOf(`--${name}`, option.among, text));
    case 'count':
      return readCount(name, given as string | undefined);
    case 'time':
      return readInstant(name, given as string | undefined);
    case 'maybe':
      return given === undefined ? false : given || true;
    case 'text':
      if (given === undefined && option.required) throw usageError(`--${name} is missing: ${option.help}`);
      return given === undefined ? null : oneOf(`--${name}`, option.among, given as string);
  }
}

function readPositionals(declared: Positionals, given: readonly string[]): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = {};
  let at = 0;
  for (const [name, { among, optional, many }] of Object.entries(declared)) {
    const taken = many ? given.slice(at) : given.slice(at, at + 1);
    if (taken.length === 0 && !optional) throw usageError(`${name} is missing`);
    for (const text of taken) oneOf(name, among, text);
    values[name] = many ? taken : (taken[0] ?? null);
    at += taken.length;
  }
  if (at < given.length) throw usageError(`“${given[at] ?? ''}” is an argument too many`);
  return values;
}

function oneOf(name: string, among: readonly string[] | undefined, text: string): string {
  if (among !== undefined && !among.includes(text)) throw usageError(`${name} is one of ${among.join(', ')}`);
  return text;
}

function readCount(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw usageError(`--${name} takes a whole number from 1`);
  }
  return value;
}

function readInstant(name: string, text: string | undefined): string | null {
  if (text === undefined) return null;
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const time = Date.parse(text);
  if (!isInstant || Number.isNaN(time)) throw usageError(`--${name} takes a time such as 2026-11-22T18:00:00Z`);
  return toInstant(time);
}
