import { describe, expect, it } from 'vitest';
import type { Engine } from '../support/stack.js';
import { killBroker } from './kill-broker.js';

/** `npm run chaos -- --kills N --seed N --engine E` sets these. */
const { NEXUS_CHAOS_KILLS: kills, NEXUS_CHAOS_SEED: seed, NEXUS_CHAOS_ENGINE: engine } = process.env;
const runs: readonly (readonly [Engine, number])[] = [
  ['sqlite', Number(kills ?? 8)],
  ['postgres', Number(kills ?? 5)],
];
const chosen = runs.filter(([name]) => engine === undefined || engine === name);

describe.each(chosen)('a Broker on %s that is killed %i times in the middle of its work', (name, times) => {
  const usedSeed = seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed);

  it(
    `O2, A9: loses nothing it acknowledged, and discloses nothing unrecorded (seed ${usedSeed})`,
    async () => {
      const { violations, counts } = await killBroker({
        engine: name,
        kills: times,
        seed: usedSeed,
        onProgress: (line) => process.stdout.write(`[${name}] ${line}\n`),
      });
      const summary = [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([what, count]) => `  ${what}: ${count}`);
      process.stdout.write(`[${name}] seed ${usedSeed}, ${times} kills\n${summary.join('\n')}\n`);
      expect(violations).toEqual([]);
      expect(counts.get('disclosures found in the audit log')).toBeGreaterThan(times);
      expect(counts.get('acknowledged confirm')).toBeGreaterThan(0);
    },
    60_000 + times * 15_000,
  );
});
