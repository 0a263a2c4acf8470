import { describe, expect, it } from 'vitest';
import { createUlid, isUlid, UlidSequence } from './ids.js';

describe('createUlid', () => {
  it('begins with its time, so that text order is time order', () => {
    expect(createUlid(1_000) < createUlid(1_001)).toBe(true);
    expect(createUlid(0).startsWith('0000000000')).toBe(true);
  });

  it('makes no two alike and only well-formed ones', () => {
    const made = Array.from({ length: 10_000 }, () => createUlid(1_700_000_000_000));
    expect(new Set(made).size).toBe(made.length);
    expect(made.every(isUlid)).toBe(true);
  });
});

describe('UlidSequence', () => {
  it('keeps the order of making within a millisecond and when the clock goes back', () => {
    const ids = new UlidSequence();
    const made = [5, 5, 5, 4, 5, 6, 6].map((epochMs) => ids.next(epochMs));
    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(made.length);
    expect(made.every(isUlid)).toBe(true);
  });

  it('carries over a character that is full', () => {
    const ids = new UlidSequence();
    let last = ids.next(1);
    for (let i = 0; i < 5_000; i++) {
      const next = ids.next(1);
      expect(next > last).toBe(true);
      last = next;
    }
  });
});
