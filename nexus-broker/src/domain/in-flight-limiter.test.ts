import { describe, expect, it } from 'vitest';
import { InFlightLimiter } from './in-flight-limiter.js';

describe('InFlightLimiter', () => {
  it('has room again as soon as somebody leaves', () => {
    const limiter = new InFlightLimiter({ perKey: 1, total: 2 });
    const leaveA = limiter.enter('a');
    expect(limiter.enter('a')).toBeNull();
    expect(limiter.enter('b')).not.toBeNull();
    expect(limiter.enter('c')).toBeNull();
    leaveA?.();
    expect(limiter.enter('c')).not.toBeNull();
  });
});
