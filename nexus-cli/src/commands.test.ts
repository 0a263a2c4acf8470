import { describe, expect, it } from 'vitest';
import { commands, findCommand } from './commands.js';
import { globalOptions } from './global-options.js';
import { renderCommandHelp, renderOverview } from './help.js';
import { readArguments } from './read-arguments.js';
import { widthOf } from './views/width.js';

/** Its words, up to what is for the shell. */
function splitWords(line: string): string[] {
  const [words = ''] = line.split(/ [|<>] /);
  return [...words.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  );
}

describe('the table of commands', () => {
  it('names each of them once, and none begins like another', () => {
    const names = commands.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(names.filter((other) => other.startsWith(`${name} `))).toEqual([]);
  });

  it('finds a command by its words, of which there may be three', () => {
    expect(findCommand(['agents', 'keys', 'list', 'x'])).toMatchObject({
      entry: { name: 'agents keys list' },
      rest: ['x'],
    });
    expect(findCommand(['agents', 'list'])).toMatchObject({ entry: { name: 'agents list' }, rest: [] });
    expect([findCommand(['agents']), findCommand([]), findCommand(['agents', 'nothing'])]).toEqual([null, null, null]);
  });

  it('is shown whole, or a group of it', () => {
    const all = renderOverview([], 80);
    for (const { name } of commands) expect(all).toContain(`\n  ${name} `);
    expect(renderOverview(['vault'], 80)).not.toContain('audit verify');
    expect(Math.max(...all.split('\n').map(widthOf))).toBeLessThanOrEqual(80);
  });
});

describe.each(commands)('$name', (entry) => {
  it('is explained by what it declares, with examples that can be typed', async () => {
    expect(entry.summary).toMatch(/^[A-Z].*\.$/);
    const command = await entry.load();
    const help = renderCommandHelp(entry, command, 80);
    expect(help).toMatch(new RegExp(`^Examples?:\\n {2}nexus-cli ${entry.name}`, 'm'));
    for (const name of Object.keys(command.options)) expect(help).toContain(`--${name}`);
    for (const name of Object.keys(command.args)) expect(help).toContain(name);
    const lines = help.split('\n').filter((line) => !line.startsWith('  nexus-cli ') && !line.startsWith('Usage:'));
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(80);
    for (const example of command.examples) {
      const found = findCommand(splitWords(example));
      expect(found?.entry.name).toBe(entry.name);
      const declared = { options: { ...command.options, ...globalOptions }, args: command.args };
      expect(() => readArguments(declared, found?.rest ?? [])).not.toThrow();
    }
  });
});
