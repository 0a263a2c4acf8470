import { readEnvironment } from '@nexus/config/environment';
import { afterEach, describe, expect, it } from 'vitest';
import { outage, PacedWorld, peakOf, refusedClient } from './paced-world.js';

/** `npm run property:pacing` sets it: then there are as many connections as the threat cases speak of. */
const isFull = readEnvironment()['NEXUS_PACING_FULL'] === '1';
const limitMs = isFull ? 600_000 : 20_000;

describe('schedule', () => {
  let world: PacedWorld;
  afterEach(() => world.close());

  it('R8: answers every read through ten minutes of outage while the tokens live', { timeout: limitMs }, async () => {
    world = await new PacedWorld().open(1);
    await world.connect(10, 0.75);
    world.failure = outage;
    let answered = 0;
    for (let round = 0; round < 20; round++) {
      await world.pass(30);
      const reads = await Promise.all(world.refs.map((ref) => world.read(ref)));
      answered += reads.filter(Boolean).length;
    }
    expect(answered).toBe(200);
    expect(await world.database.stores.connections.countByStatus()).toEqual({ active: 10 });
    expect(world.calls.length).toBeGreaterThan(40);
  });

  it('R9: makes at most 5 calls with a client that the provider refuses', { timeout: limitMs }, async () => {
    const count = isFull ? 1_000 : 60;
    world = await new PacedWorld().open(1);
    world.latencyMs = 1_000;
    await world.connect(count, 0.86);
    world.failure = refusedClient;
    await world.pass(185);
    const [first = 0] = world.calls;
    expect(world.calls.filter((at) => at < first + 55_000).length).toBeLessThanOrEqual(5);
    // Then one call a minute asks again.
    expect(world.calls.filter((at) => at >= first + 55_000).length).toBeOneOf([2, 3]);
    expect(world.logged.filter((line) => line.includes('refuses our client'))).toHaveLength(1);
    expect(await world.database.stores.connections.countByStatus()).toEqual({ active: count });
    const states = await world.database.stores.callPace.list();
    expect(states).toContainEqual(expect.objectContaining({ state: 'stopped' }));
    world.failure = null;
    // The few that were refused wait two minutes, whoever else is served by then.
    await world.pass(200 + count / 3);
    expect(world.logged).toContain('a provider accepts our client again');
    expect(await world.countOld()).toBe(0);
  });

  it('R14: renews a crowd of one birth within the rate, before any of it expires', { timeout: limitMs }, async () => {
    const [count, callsPerSecond, lifeSeconds] = isFull ? [10_000, 20, 3_600] : [110, 1, 900];
    world = await new PacedWorld().open(2, { callsPerSecond });
    await world.connect(count, 0.69, lifeSeconds);
    await world.pass(lifeSeconds * 0.26);
    expect(await world.countOld()).toBe(0);
    expect(world.calls).toHaveLength(count);
    expect(peakOf(world.calls)).toBeLessThanOrEqual(callsPerSecond);
  });
});
