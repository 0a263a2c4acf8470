import { describe, expect, it } from 'vitest';
import type { Options, Positionals } from './arguments.js';
import { CommandError } from './command.js';
import { readArguments } from './read-arguments.js';

const options = {
  all: { kind: 'flag', help: 'h' },
  to: { kind: 'text', value: 'FILE', help: 'where it goes', short: 't' },
  kind: { kind: 'text', value: 'KIND', among: ['a', 'b'], help: 'h' },
  scope: { kind: 'list', value: 'SCOPE', help: 'h' },
  limit: { kind: 'count', help: 'h' },
  since: { kind: 'time', help: 'h' },
  store: { kind: 'maybe', value: 'FILE', help: 'h' },
} as const satisfies Options;

function read(words: readonly string[], args: Positionals = {}) {
  return readArguments({ options, args }, words);
}

describe('an option', () => {
  it('is what its kind says, and null, false or empty where it is not given', () => {
    const nothing = { all: false, to: null, kind: null, scope: [], limit: null, since: null, store: false };
    expect(read([]).options).toEqual(nothing);
    const words = ['--all', '-t', 'x', '--kind=b', '--scope', 'r', '--scope', 'w', '--limit', '7'];
    expect(read([...words, '--since', '2026-11-22T18:00:00.123456+02:00', '--store']).options).toEqual({
      all: true,
      to: 'x',
      kind: 'b',
      scope: ['r', 'w'],
      limit: 7,
      since: '2026-11-22T16:00:00.123Z',
      store: true,
    });
  });

  it.each([
    [['--store', 'file'], 'file'],
    [['--store=file'], 'file'],
    [['--store', '--all'], true],
    [['--all', '--store'], true],
  ])('may have a value: %j', (words, store) => {
    expect(read(words).options.store).toBe(store);
  });

  it.each<readonly [readonly string[], string]>([
    [['--nothing'], 'there is no option --nothing'],
    [['--to'], 'argument missing'],
    [['--all=yes'], 'does not take an argument'],
    [['--kind', 'c'], '--kind is one of a, b'],
    [['word'], '“word” is an argument too many'],
    ...['0', '-1', '1.5', '1e3', '', '9007199254740993'].map((text) => [[`--limit=${text}`], '--limit takes'] as const),
    ...['2026-11-22', '2026-11-22T18:00:00', '2026-13-22T18:00:00Z', 'now', ''].map(
      (text) => [[`--since=${text}`], '--since takes'] as const,
    ),
  ])('is refused as %j', (words, message) => {
    const refused = () => read(words);
    expect(refused).toThrow(CommandError);
    expect(refused).toThrow(message);
  });

  it('that is required says what is missing', () => {
    const required = { to: { ...options.to, required: true } } as const;
    expect(() => readArguments({ options: required, args: {} }, [])).toThrow('--to is missing: where it goes');
  });
});

describe('an argument', () => {
  const one = { ID: { help: 'h' } };
  const several = { ID: { help: 'h' }, MORE: { help: 'h', optional: true, many: true } } as const;

  it('has the name of its place', () => {
    expect(read(['7', '--all'], one).args).toEqual({ ID: '7' });
    expect(read(['7'], several).args).toEqual({ ID: '7', MORE: [] });
    expect(read(['7', '8', '9'], several).args).toEqual({ ID: '7', MORE: ['8', '9'] });
    expect(read([], { ID: { help: 'h', optional: true } }).args).toEqual({ ID: null });
  });

  it('is missing, too many, or not among those there are', () => {
    expect(() => read([], one)).toThrow('ID is missing');
    expect(() => read([], { ID: { help: 'h', many: true } })).toThrow('ID is missing');
    expect(() => read(['7', '8'], one)).toThrow('“8” is an argument too many');
    expect(() => read(['x'], { ID: { help: 'h', among: ['a', 'b'] } })).toThrow('ID is one of a, b');
  });
});
