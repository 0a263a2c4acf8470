import { describe, expect, it } from 'vitest';
import { fieldLines } from './fields.js';
import { readScreen, renderLine, type Screen, styled } from './screen.js';
import { tableLines } from './table.js';
import { timeText } from './time.js';
import { cut, fold, widthOf } from './width.js';

const pipe: Screen = { columns: null, colour: false, isTerminal: false };
const terminal = (columns: number): Screen => ({ columns, colour: false, isTerminal: true });
const shown = (lines: readonly Parameters<typeof renderLine>[0][], screen: Screen) =>
  lines.map((line) => renderLine(line, screen));

describe('a screen', () => {
  const stream = { isTTY: true, columns: 160 };
  it('is as wide as its terminal, and a pipe has no end', () => {
    expect(readScreen({ env: {}, stream, noColour: false })).toEqual({ columns: 160, colour: true, isTerminal: true });
    expect(readScreen({ env: {}, stream: { isTTY: true }, noColour: false }).columns).toBe(80);
    expect(readScreen({ env: {}, stream: { isTTY: true, columns: 0 }, noColour: false }).columns).toBe(80);
    expect(readScreen({ env: {}, stream: {}, noColour: false })).toEqual(pipe);
  });

  it.each([
    [{ NO_COLOR: '1' }, false, false],
    [{ NO_COLOR: '' }, false, true],
    [{ TERM: 'dumb' }, false, false],
    [{}, true, false],
  ])('with %j and --no-colour %s has colour: %s', (env, noColour, colour) => {
    expect(readScreen({ env, stream, noColour }).colour).toBe(colour);
  });
});

describe('a line', () => {
  it('A7: cannot move the cursor, forge a line or turn text around, coloured or not', () => {
    const text = 'refused: \u001b[2Jgone\r\n0 problems \u202etxet\u2069 \u009b31m \u0007ü🔑';
    const clean = 'refused: \ufffd[2Jgone\ufffd\ufffd0 problems \ufffdtxet\ufffd \ufffd31m \ufffdü🔑';
    expect(renderLine(text, pipe)).toBe(clean);
    expect(renderLine(['a ', styled('red', text)], { ...terminal(80), colour: true })).toBe(
      `a \u001b[31m${clean}\u001b[0m`,
    );
    const [row = ''] = tableLines({ columns: ['A', 'B'], rows: [[text, 'b']] }, pipe).slice(1);
    expect(renderLine(row, pipe)).toBe(`${clean}  b`);
  });
});

describe('a table', () => {
  const columns = ['NAME', 'SCOPES', { title: 'ID', keep: true } as const];
  const rows = [
    ['acme', 'openid email profile offline_access', '01HZX3'],
    ['日本語', '', '01HZX4'],
  ];

  it('is whole in a pipe, its columns below each other whatever their characters are wide', () => {
    expect(shown(tableLines({ columns, rows }, pipe), pipe)).toEqual([
      'NAME    SCOPES                               ID',
      'acme    openid email profile offline_access  01HZX3',
      '日本語                                       01HZX4',
    ]);
  });

  it('is cut to the terminal in the widest cells first, and ids last', () => {
    expect(shown(tableLines({ columns, rows, indent: 2 }, terminal(36)), terminal(36))).toEqual([
      '  NAME    SCOPES              ID',
      '  acme    openid email prof…  01HZX3',
      '  日本語                      01HZX4',
    ]);
  });

  it('leaves out what can be spared, the last first, before it cuts what is needed', () => {
    const spared = [
      { title: 'ID', keep: true },
      { title: 'CREATED', keep: true, spare: true },
      'NAME',
      { title: 'USED', spare: true },
    ] as const;
    const row = ['01HZX3', '2026-11-22 18:00', 'a long name', 'never'];
    const titles = (width: number) =>
      shown(tableLines({ columns: spared, rows: [row] }, terminal(width)), terminal(width))[0]?.split(/ {2,}/);
    expect(titles(50)).toEqual(['ID', 'CREATED', 'NAME', 'USED']);
    expect(titles(40)).toEqual(['ID', 'CREATED', 'NAME']);
    expect(titles(30)).toEqual(['ID', 'NAME']);
  });

  it.each([5, 10, 20, 30, 60])('never takes more than %i columns', (width) => {
    const lines = shown(tableLines({ columns, rows }, terminal(width)), terminal(width));
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(Math.max(width, 7));
  });

  it('has no space at the end of a line', () => {
    for (const line of shown(tableLines({ columns, rows: [['a', '', '']] }, pipe), pipe))
      expect(line).toBe(line.trimEnd());
  });
});

describe('fields', () => {
  it('stand beside their names, folded and never cut; those without a value are left out', () => {
    const fields = [
      ['Name', 'acme'],
      ['Scopes', ['openid', 'email']],
      ['Nothing', null],
      ['Description', 'a text that is longer than what is left of the line'],
    ] as const;
    expect(shown(fieldLines(fields, terminal(40)), terminal(40))).toEqual([
      'Name         acme',
      'Scopes       openid',
      '             email',
      'Description  a text that is longer than',
      '             what is left of the line',
    ]);
    expect(shown(fieldLines(fields, pipe), pipe).at(-1)).toMatch(/^Description {2}a text .* the line$/);
  });
});

describe('text', () => {
  it.each([
    ['abc', 3],
    ['e\u0301', 1],
    ['日本', 4],
    ['🔑', 2],
    ['…', 1],
  ])('%s is %i wide', (text, width) => {
    expect(widthOf(text)).toBe(width);
  });

  it('is cut where it is too long, and never in the middle of a wide character', () => {
    expect([cut('abc', 3), cut('abcd', 3), cut('日本語', 4), cut('ab cd', 4), cut('abc', 0)]).toEqual([
      'abc',
      'ab…',
      '日…',
      'ab…',
      '',
    ]);
  });

  it('is folded at spaces', () => {
    expect(fold('one two three', 7)).toEqual(['one two', 'three']);
    expect(fold('immeasurable x', 4)).toEqual(['immeasurable', 'x']);
    expect(fold('one two', null)).toEqual(['one two']);
  });

  it('of a time is short on a terminal', () => {
    const instant = '2026-11-22T18:00:00.123Z';
    expect([timeText(instant, terminal(80)), timeText(instant, pipe), timeText(null, pipe)]).toEqual([
      '2026-11-22 18:00',
      instant,
      '-',
    ]);
  });
});
