import { EventEmitter } from 'node:events';
import { NexusError } from '@nexus/core/errors';
import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { exitOnCrash } from './crash.js';
import type { LogEntry } from './logger.js';
import type { CapturedLog } from './testing.js';
import { captureLog } from './testing.js';

function lastLine(log: CapturedLog): Record<string, unknown> {
  return log.entries().at(-1) ?? {};
}

describe('createLogger', () => {
  it('writes one JSON line with level, time, service, message and fields', () => {
    const log = captureLog();
    log.logger.info('request', { requestId: 'r-1', status: 200, ms: 3, migrations: ['0001', '0002'] });
    expect(log.lines).toHaveLength(1);
    expect(lastLine(log)).toMatchObject({
      level: 'info',
      service: 'test',
      message: 'request',
      requestId: 'r-1',
      status: 200,
      ms: 3,
      migrations: ['0001', '0002'],
    });
    expect(String(lastLine(log)['time'])).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  it('obeys its level, trace included', () => {
    const quiet = captureLog('warn');
    quiet.logger.info('no');
    quiet.logger.warn('yes');
    const loud = captureLog('trace');
    loud.logger.trace('yes');
    expect([quiet.lines.length, loud.lines.length]).toEqual([1, 1]);
    expect(quiet.logger.isLevelEnabled('info')).toBe(false);
  });

  it('A14: logs listed fields only, and nothing but plain values', () => {
    const log = captureLog();
    const entry = {
      url: 'canary-1',
      headers: { a: 'canary-2' },
      body: 'canary-3',
      reason: Buffer.from('canary-4'),
      count: 10n,
      outcome: { toJSON: () => 'canary-5' },
      origin: ['ok', { nested: 'canary-6' }],
    } as unknown as LogEntry;
    log.logger.error('x', entry);
    expect(log.lines[0]).not.toMatch(/canary|Y2FuYXJ5/);
    expect(lastLine(log)).toMatchObject({ reason: '[dropped]', count: '[dropped]', origin: ['ok', '[dropped]'] });
  });

  it('writes the note of a checkpoint to the letter, and nothing else in its place', () => {
    const hash = `${'aB+x'.repeat(10)}abc=`;
    const note = `nexus/0123456789abcdef\n17\n${hash}\n${hash}\n2026-01-01T00:00:00.000Z\n\n\u2014 nexus-5 ${'x'.repeat(91)}=\n`;
    const log = captureLog();
    log.logger.info('audit.checkpoint', { sequence: 17, note });
    expect(lastLine(log)).toMatchObject({ sequence: 17, note });
    for (const other of [`${note}${'x'.repeat(43)}=`, hash, note.replace('17', hash), note.replace('5', hash)]) {
      log.logger.info('audit.checkpoint', { note: other });
      expect(lastLine(log)['note']).toContain('[redacted]');
    }
    log.logger.info('audit.checkpoint', { reason: note });
    expect(lastLine(log)['reason']).toContain('[redacted]');
  });

  it('A7: keeps one line per event whatever a value holds', () => {
    const log = captureLog();
    const hostile = 'a\nb\r\n{"level":"fatal"}\u001b[2J\u0085\u2028\u202egnp\u0000\u007f';
    log.logger.info(hostile, { reason: hostile, error: new NexusError('not_found', hostile) });
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]?.trimEnd()).not.toMatch(/[^\x20-\x7e]/);
    expect(lastLine(log)['level']).toBe('info');
    expect(String(lastLine(log)['reason'])).toContain('\\u{202e}');
  });

  it.each([
    ['a token of ours', createToken('nxa'), 'nxa_'],
    ['a token inside text', `key ${createToken('nxc')}.`, 'nxc_'],
    ['a bearer value', 'Authorization: Bearer canary-value', 'canary'],
    ['the query of a URL', 'GET https://api.test/cb?code=canary failed', 'canary'],
    ['the path of a URL', 'GET https://hooks.test/services/canary failed', 'canary'],
    ['the password of a URL', 'postgres://user:canary@db.test:5432/x', 'canary'],
    ['a JWT', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.c2ln', 'eyJ'],
    ['a long opaque value', `ya29${'a1B2'.repeat(20)}`, 'a1B2'],
  ])('A6: redacts %s in fields, messages, stacks and causes', (_name, text, canary) => {
    const log = captureLog();
    const error = new Error(text, { cause: new Error(text) });
    log.logger.error(text, { reason: text, settings: [text], error });
    expect(log.lines[0]).not.toContain(canary);
  });

  it('keeps the host of a URL and the files of a stack, which say where', () => {
    const log = captureLog();
    log.logger.error('x', { error: new Error('connect postgres://u:p@db.test:5432/x') });
    const error = lastLine(log)['error'] as { message: string; stack: string };
    expect(error.message).toBe('connect postgres://db.test:5432');
    expect(error.stack).toMatch(/logger\.test\.ts:\d+/);
  });

  it('shows private messages, stacks and causes at level error only', () => {
    const log = captureLog();
    const error = new NexusError('provider_unavailable', 'Public.', { cause: new Error('private words') });
    log.logger.info('x', { error });
    expect(lastLine(log)['error']).toEqual({ name: 'NexusError', code: 'provider_unavailable', message: 'Public.' });
    log.logger.info('x', { error: new Error('private words') });
    expect(lastLine(log)['error']).toEqual({ name: 'Error' });
    log.logger.error('x', { error });
    expect(lastLine(log)['error']).toMatchObject({ message: 'Public.', cause: { message: 'private words' } });
  });

  it('A6: does not repeat the input a JSON parser quotes', () => {
    const log = captureLog();
    try {
      JSON.parse('canary-9');
    } catch (error) {
      log.logger.error('x', { error });
    }
    expect(log.lines[0]).not.toContain('canary');
  });

  it('ends a circular chain of causes', () => {
    const log = captureLog();
    const error = new Error('a');
    error.cause = error;
    log.logger.error('x', { error });
    expect(log.lines).toHaveLength(1);
  });
});

describe('exitOnCrash', () => {
  it.each(['uncaughtException', 'unhandledRejection'])('O12: logs an %s redacted and exits with 70', (event) => {
    const log = captureLog();
    const source = new EventEmitter();
    const exits: number[] = [];
    exitOnCrash({ logger: log.logger, source, exit: (code) => exits.push(code) });
    source.emit(event, new Error(`leaked ${createToken('nxs')}`));
    expect(exits).toEqual([70]);
    expect(lastLine(log)).toMatchObject({ level: 'fatal', event, error: { message: 'leaked [redacted]' } });
  });
});
