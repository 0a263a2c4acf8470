import { describe, expect, it } from 'vitest';
import { NarrowingPace } from './narrowing-pace.js';

describe('the pace of narrowings', () => {
  let now = 1_000_000;
  const clock = { now: () => now };

  it('lets a burst through, then one every five seconds', () => {
    const pace = new NarrowingPace(clock);
    for (let spent = 0; spent < 5; spent++) {
      expect(pace.secondsToWait('a')).toBe(0);
      pace.spend('a');
    }
    expect(pace.secondsToWait('a')).toBe(5);
    expect(pace.secondsToWait('b')).toBe(0);
    now += 4_999;
    expect(pace.secondsToWait('a')).toBe(1);
    now += 1;
    expect(pace.secondsToWait('a')).toBe(0);
    pace.spend('a');
    expect(pace.secondsToWait('a')).toBe(5);
    now += 25_000;
    for (let spent = 0; spent < 5; spent++) pace.spend('a');
    expect(pace.secondsToWait('a')).toBe(5);
  });

  it('remembers a bounded number of connections', () => {
    const pace = new NarrowingPace(clock, 1);
    pace.spend('first');
    pace.spend('second');
    for (let other = 0; other < 9_999; other++) pace.spend(`other ${other}`);
    expect(['first', 'second', 'other 9998'].map((ref) => pace.secondsToWait(ref))).toEqual([0, 5, 5]);
  });
});
