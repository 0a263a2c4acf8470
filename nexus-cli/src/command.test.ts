import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { print, readCount, readInstant } from './command.js';
import { formatTable } from './table.js';

describe('what is printed', () => {
  it('A7: cannot move the cursor, forge a line or turn text around', () => {
    const stream = new PassThrough();
    print(stream, 'refused: \u001b[2Jgone\r\n0 problems \u202etxet\u2069 \u009b31m \u0007ü🔑');
    expect(stream.read().toString('utf8')).toBe(
      'refused: \ufffd[2Jgone\ufffd\ufffd0 problems \ufffdtxet\ufffd \ufffd31m \ufffdü🔑\n',
    );
  });

  it('stands in columns', () => {
    expect(
      formatTable([
        ['ID', 'STATE'],
        ['12345', 'x'],
      ]),
    ).toEqual(['  ID     STATE', '  12345  x']);
  });
});

describe('an argument', () => {
  it.each([
    ['2026-11-22T18:00:00Z', '2026-11-22T18:00:00.000Z'],
    ['2026-11-22T18:00:00.123456+02:00', '2026-11-22T16:00:00.123Z'],
  ])('is the time %s', (text, instant) => {
    expect(readInstant('since', text)).toBe(instant);
  });

  it.each(['2026-11-22', '2026-11-22T18:00:00', '2026-13-22T18:00:00Z', 'now', ''])('is not the time %s', (text) => {
    expect(() => readInstant('since', text)).toThrow('--since');
  });

  it.each(['0', '-1', '1.5', '1e3', '', '9007199254740993'])('is not the number %s', (text) => {
    expect(() => readCount('to-seq', text)).toThrow('--to-seq');
  });

  it('may be left out', () => {
    expect([readCount('to-seq', undefined), readInstant('since', undefined), readCount('to-seq', '7')]).toEqual([
      null,
      null,
      7,
    ]);
  });
});
