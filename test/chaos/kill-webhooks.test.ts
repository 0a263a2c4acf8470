import { describe, expect, it } from 'vitest';
import type { Engine } from '../support/stack.js';
import { killWebhooks } from './kill-webhooks.js';

/** `npm run chaos:webhooks -- --kills N --seed N --engine E` sets these. */
const { NEXUS_CHAOS_KILLS: kills, NEXUS_CHAOS_SEED: seed, NEXUS_CHAOS_ENGINE: engine } = process.env;
const runs: readonly Engine[] = ['sqlite', 'postgres'];
const times = Number(kills ?? 1);

describe.each(runs.filter((name) => engine === undefined || engine === name))('events on %s', (name) => {
  const usedSeed = seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed);

  it(
    `are not lost by ${times} kills of the Broker, and stay in order (seed ${usedSeed})`,
    async () => {
      const report = await killWebhooks({ engine: name, kills: times, seed: usedSeed });
      const { connections, events, repeated } = report;
      process.stdout.write(`[${name}] ${connections} connections, ${events} events, ${repeated} repeated\n`);
      expect(report.violations).toEqual([]);
      expect(events).toBeGreaterThan(times);
    },
    60_000 + times * 10_000,
  );
});
