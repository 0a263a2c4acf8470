import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { print, printJson, startProgress } from './print.js';

it('A7: what is printed cannot move the cursor, and JSON stays what it was', () => {
  const value = { name: 'a\u001b[2J\u009b31m\u202etxet\u2028ü🔑\u200b\u{e0041}' };
  const stream = new PassThrough({ encoding: 'utf8' });
  printJson(stream, value);
  const json: string = stream.read();
  expect(JSON.parse(json)).toEqual(value);
  expect(json).not.toMatch(/[\u007f-\u009f\u200b\u2028\u202a-\u202e\u{e0041}]/u);
  print(stream, value.name);
  expect(stream.read()).toBe('a\ufffd[2J\ufffd31m\ufffdtxet\ufffdü🔑\ufffd\ufffd\n');
  print(stream, '👩\u200d🚀 می\u200cخواهم');
  expect(stream.read()).toBe('👩\u200d🚀 می\u200cخواهم\n');
});

it('progress is shown on terminals only, in one line that goes away', () => {
  const terminal = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true, columns: 10 });
  const shown = startProgress({ stderr: terminal });
  shown.end();
  expect(terminal.read()).toBeNull();
  shown.show('5 of 1000 read');
  shown.end();
  expect(terminal.read()).toBe('5 of 100…\r\u001b[2K');
  const unsized = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true, columns: 0 });
  startProgress({ stderr: unsized }).show('5 of 1000 read');
  expect(unsized.read()).toBe('5 of 1000 read');
  const pipe = new PassThrough({ encoding: 'utf8' });
  startProgress({ stderr: pipe }).show('5 of 1000 read');
  expect(pipe.read()).toBeNull();
});
