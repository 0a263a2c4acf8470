/** What `--help` says, from what a command declares. */
import type { Option, Options, Positionals } from './arguments.js';
import type { Command, CommandEntry } from './command.js';
import { commands } from './commands.js';
import { globalOptions } from './global-options.js';
import { settingsHelp } from './settings.js';
import { fold, pad, widthOf } from './views/width.js';

/** Of everything whose width nothing else decides. */
const defaultColumns = 100;

export const commonExitCodes: Readonly<Record<number, string>> = {
  0: 'done',
  1: 'refused, or failed',
  2: 'not understood',
  3: 'something could not be reached or read',
};

type Definitions = readonly (readonly [term: string, help: string])[];

/** As they are typed, with what they do; those of every command last. */
export function listOptions(options: Options, withGlobal: boolean): Definitions {
  const all = withGlobal ? { ...options, ...globalOptions } : options;
  const listed = Object.entries(all).map(([name, option]) => [signatureOf(name, option), helpOf(option)] as const);
  return withGlobal ? [...listed, ['-h, --help', 'this text']] : listed;
}

export function describePositionals(args: Positionals): Definitions {
  return Object.entries(args).map(([name, { help, among }]) => [name, withAmong(help, among)]);
}

export function usageOf(name: string, { options, args }: Pick<Command, 'options' | 'args'>): string {
  const required = Object.entries(options).filter(([, option]) => option.kind === 'text' && option.required);
  const named = required.map(([option, declared]) => signatureOf(option, declared).replace(/^-., /, ''));
  return ['nexus-cli', name, ...listPositionals(args), ...named, '[options]'].join(' ');
}

export function describeRoles(roles: readonly string[]): string {
  if (roles.length === 0) return '';
  return `${roles.length === 1 ? 'Role' : 'Roles'} of the key: ${roles.join(', ')}.`;
}

function listPositionals(args: Positionals): string[] {
  return Object.entries(args).map(([name, { optional, many }]) => {
    const shown = many ? `${name} ...` : name;
    return optional ? `[${shown}]` : shown;
  });
}

function signatureOf(name: string, option: Option): string {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  return `${short}--${name}${valueTextOf(option)}`;
}

function valueTextOf(option: Option): string {
  switch (option.kind) {
    case 'flag':
      return '';
    case 'count':
      return ' N';
    case 'time':
      return ' TIME';
    case 'maybe':
      return ` [${option.value}]`;
    case 'text':
    case 'list':
      return ` ${option.value}`;
  }
}

function helpOf(option: Option): string {
  const help = withAmong(option.help, 'among' in option ? option.among : undefined);
  return `${help}${option.kind === 'list' ? '; may be given several times' : ''}`;
}

function withAmong(help: string, among: readonly string[] | undefined): string {
  return among === undefined ? help : `${help}; one of ${among.join(', ')}`;
}

export function renderCommandHelp({ name, summary }: CommandEntry, command: Command, columns: number | null): string {
  const width = Math.min(columns ?? defaultColumns, defaultColumns);
  const codes = Object.entries({ ...commonExitCodes, ...command.exitCodes });
  const args = describePositionals(command.args);
  const blocks = [
    [...fold(`nexus-cli ${name}: ${summary}`, width)],
    [`Usage: ${usageOf(name, command)}`],
    ...(args.length === 0 ? [] : [['Arguments:', ...definitionLines(args, width)]]),
    ['Options:', ...definitionLines(listOptions(command.options, true), width)],
    ...(command.description ?? []).map((paragraph) => fold(paragraph, width)),
    [
      command.examples.length === 1 ? 'Example:' : 'Examples:',
      ...command.examples.map((example) => `  nexus-cli ${example}`),
    ],
    ['Exit codes:', ...definitionLines(codes, width)],
    ...(command.roles.length === 0
      ? []
      : [fold(`${describeRoles(command.roles)} Where the Broker is and who asks: nexus-cli --help.`, width)]),
  ];
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** All commands, or those of a group. */
export function renderOverview(group: readonly string[], columns: number | null): string {
  const width = Math.max(60, columns ?? defaultColumns);
  const prefix = group.length === 0 ? '' : `${group.join(' ')} `;
  const listed = commands.filter(({ name }) => name.startsWith(prefix));
  const rows = listed.map(({ name, summary }) => [name, summary] as const);
  return [
    'Usage: nexus-cli COMMAND [options]; nexus-cli COMMAND --help explains one.',
    definitionLines(rows, width).join('\n'),
    `${settingsHelp}\n`,
  ].join('\n\n');
}

function definitionLines(rows: Definitions, columns: number): string[] {
  const nameWidth = Math.min(24, Math.max(...rows.map(([name]) => widthOf(name))));
  const indent = nameWidth + 4;
  return rows.flatMap(([name, text]) => {
    const lines = fold(text, columns - indent).map((line) => ' '.repeat(indent) + line);
    if (widthOf(name) > nameWidth) return [`  ${name}`, ...lines];
    return [`  ${pad(name, nameWidth)}  ${(lines[0] ?? '').trimStart()}`.trimEnd(), ...lines.slice(1)];
  });
}
