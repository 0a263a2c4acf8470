import { setTimeout as sleep } from 'node:timers/promises';
import { toEpochMs, toInstant } from '@nexus/core/clock';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { DatabaseClock } from './database-clock.js';

const hour = 3_600_000;

describeEachDatabase('the clock of the database', (open) => {
  it('is read without asking, and is that of the database', async () => {
    let offsetMs = hour;
    const database = await open({ clockOffsetMs: () => offsetMs });
    const clock = await DatabaseClock.open(database);
    for (let i = 0; i < 5; i++) {
      const before = toEpochMs(await database.now());
      const shown = clock.now();
      const after = toEpochMs(await database.now());
      expect(Number.isInteger(shown)).toBe(true);
      // Half of the round trip by which it was measured, and the millisecond it is cut to.
      expect(shown).toBeGreaterThan(before - 500);
      expect(shown).toBeLessThan(after + 500);
    }
    offsetMs = 0;
    await clock.measure();
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000);
  });
});

describe('between measurements', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  function createDatabase(offsetMs: number) {
    const asked = { count: 0, delayMs: 0, offsetMs, isAway: false };
    const now = async () => {
      asked.count += 1;
      if (asked.isAway) throw new Error('away');
      await sleep(asked.delayMs);
      return toInstant(Date.now() + asked.offsetMs);
    };
    return { asked, now };
  }

  it('goes on by itself', async () => {
    const database = createDatabase(hour);
    const clock = await DatabaseClock.open(database);
    const { count } = database.asked;
    const first = clock.now();
    await sleep(30);
    expect(clock.now() - first).toBeGreaterThanOrEqual(25);
    expect(database.asked.count).toBe(count);
  });

  it('keeps what it has when the answer takes too long or does not come', async () => {
    const database = createDatabase(hour);
    const clock = await DatabaseClock.open(database);
    Object.assign(database.asked, { delayMs: 1_200, offsetMs: 0 });
    await clock.measure();
    expect(clock.now() - Date.now()).toBeGreaterThan(hour - 5_000);
    database.asked.isAway = true;
    await expect(clock.measure()).rejects.toThrow('away');
    expect(clock.now() - Date.now()).toBeGreaterThan(hour - 5_000);
  });

  it('does not stay behind when the machine slept, and measures again', async () => {
    const database = createDatabase(hour);
    const clock = await DatabaseClock.open(database);
    const { count } = database.asked;
    // The monotonic clock did not count these ten minutes.
    const wall = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => wall() + 600_000);
    const shown = clock.now();
    expect(Math.abs(shown - (wall() + 600_000 + hour))).toBeLessThan(1_000);
    expect(database.asked.count).toBe(count + 1);
    await sleep(20);
    expect(Math.abs(clock.now() - (wall() + 600_000 + hour))).toBeLessThan(1_000);
    expect(database.asked.count).toBe(count + 1);
  });
});
