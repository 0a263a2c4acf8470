import { readEnvironment } from '@nexus/config/environment';
import { afterEach, describe, expect, it } from 'vitest';
import { outage, PacedWorld, peakOf } from './paced-world.js';

/** `npm run property:pacing` sets it: then there are as many connections as the threat cases speak of. */
const isFull = readEnvironment()['NEXUS_PACING_FULL'] === '1';
const limitMs = isFull ? 600_000 : 20_000;

describe('outage', () => {
  let world: PacedWorld;
  afterEach(() => world.close());

  it.each([1, 3])(
    'R15: spares a provider that is out, and comes back slowly, with %i Brokers',
    async (brokers) => {
      const count = isFull ? 1_000 : 80;
      world = await new PacedWorld().open(brokers);
      await world.connect(count, 0.86);
      world.failure = outage;
      await world.pass(600);
      expect(world.calls.length).toBeGreaterThan(40);
      expect(world.calls.length).toBeLessThanOrEqual(150);
      world.failure = null;
      const mendedMs = world.clock.now();
      await world.pass(25 + count / 10);
      const [probe = 0, ...after] = world.callsSince(mendedMs);
      expect(after.filter((at) => at < probe + 2_000).length).toBeLessThanOrEqual(2);
      expect(peakOf(after)).toBeLessThanOrEqual(20);
      expect(await world.countOld()).toBe(0);
    },
    limitMs,
  );
});
