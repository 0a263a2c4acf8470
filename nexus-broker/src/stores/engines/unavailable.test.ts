import { NexusError } from '@nexus/core/errors';
import { describe, expect, it } from 'vitest';
import { translateOutage } from './unavailable.js';

function failWith(code: string, message = 'failed'): Error {
  return Object.assign(new Error(message), { code });
}

describe('translateOutage', () => {
  it.each(['ECONNREFUSED', '57P01', '08006', 'SQLITE_FULL', 'SQLITE_IOERR_FSYNC', 'SQLITE_BUSY'])(
    'tells callers to come back after %s',
    (code) => {
      const cause = failWith(code);
      const translated = translateOutage(cause);
      expect(translated).toBeInstanceOf(NexusError);
      expect(translated).toMatchObject({ code: 'broker_unavailable', status: 503, cause });
    },
  );

  it('recognises a connection the server closed, which the driver tells by message alone', () => {
    expect(translateOutage(new Error('Connection terminated unexpectedly'))).toMatchObject({ status: 503 });
  });

  it.each(['23505', '42601', 'SQLITE_CONSTRAINT', 'SQLITE_ERROR', ''])('leaves %s as it is', (code) => {
    const error = failWith(code);
    expect(translateOutage(error)).toBe(error);
  });
});
