/** The reference page of the program, from what its commands declare. */
import { commands } from './commands.js';
import { commonExitCodes, describePositionals, describeRoles, listOptions, usageOf } from './help.js';
import { settingsHelp } from './settings.js';

export function listCommands(): readonly string[] {
  return commands.map(({ name }) => name);
}

/** Markdown sections: exit codes and settings, then one for each command. */
export async function renderReference(): Promise<readonly string[]> {
  const sections = await Promise.all(
    commands.map(async ({ name, summary, load }) => {
      const command = await load();
      const codes = Object.entries(command.exitCodes ?? {});
      return [
        `## ${name}`,
        summary,
        fence([usageOf(name, command)]),
        tableOf('Argument', describePositionals(command.args)),
        tableOf('Option', listOptions(command.options, false)),
        ...(command.description ?? []),
        tableOf('Exit code', codes),
        fence(command.examples.map((example) => `nexus-cli ${example}`)),
        describeRoles(command.roles),
      ].filter((block) => block !== '');
    }),
  );
  return [
    '## Settings',
    fence(settingsHelp.split('\n')),
    '## Exit codes',
    tableOf('Exit code', Object.entries(commonExitCodes)),
    'A command that has others, or means something else by one of these, says so below.',
    '## Options of every command',
    tableOf('Option', listOptions({}, true)),
    ...sections.flat(),
  ];
}

function tableOf(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return '';
  const lines = rows.map(([name, text]) => `| \`${name}\` | ${text.replaceAll('|', '\\|')} |`);
  return [`| ${title} | |`, '|---|---|', ...lines].join('\n');
}

function fence(lines: readonly string[]): string {
  return ['```text', ...lines, '```'].join('\n');
}
