import { NexusError } from '@nexus/core/errors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OutageWatch } from './outage-watch.js';

const failure = (code: string) => Object.assign(new Error('failed'), { code });

describe('OutageWatch', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('remembers for five seconds why writing failed, however deep the cause', async () => {
    const watch = new OutageWatch();
    expect(watch.recentFailure()).toBeNull();
    const error = new NexusError('audit_unavailable', 'm', {
      cause: new Error('outer', { cause: failure('SQLITE_FULL') }),
    });
    await expect(watch.watch(() => Promise.reject(error))).rejects.toBe(error);
    expect(watch.recentFailure()).toBe('the disk of the database is full');
    vi.advanceTimersByTime(5_001);
    expect(watch.recentFailure()).toBeNull();
  });

  it.each([
    ['53100', 'the disk of the database is full'],
    ['SQLITE_IOERR_WRITE', 'the database cannot be written'],
    ['SQLITE_READONLY', 'the database cannot be written'],
    ['58030', 'the database cannot be written'],
    ['SQLITE_BUSY', null],
    ['40P01', null],
    ['23505', null],
  ])('takes %s for: %s', async (code, reason) => {
    const watch = new OutageWatch();
    await watch.watch(() => Promise.reject(failure(code))).catch(() => undefined);
    expect(watch.recentFailure()).toBe(reason);
  });

  it('R16: remembers for ten seconds that the database could not be used, and nothing else', async () => {
    const watch = new OutageWatch();
    await watch.watch(() => Promise.reject(new Error('a statement that is wrong'))).catch(() => undefined);
    expect(watch.hadOutage()).toBe(false);
    const outage = new NexusError('broker_unavailable', 'm', { cause: failure('ECONNREFUSED') });
    const error = new NexusError('audit_unavailable', 'm', { cause: outage });
    await watch.watch(() => Promise.reject(error)).catch(() => undefined);
    expect(watch.hadOutage()).toBe(true);
    expect(watch.recentFailure()).toBeNull();
    vi.advanceTimersByTime(10_001);
    expect(watch.hadOutage()).toBe(false);
  });

  it('hands on what succeeds', async () => {
    expect(await new OutageWatch().watch(async () => 7)).toBe(7);
  });
});
