import { describe, expect, it } from 'vitest';
import type { Engine } from '../support/stack.js';
import { rotateKeys } from './rotate-keys.js';

/** `npm run rotation -- --connections N --reads N --kills N --seed N --engine E --replicas N --rate N` sets these. */
const {
  NEXUS_ROTATION_CONNECTIONS: connections = '240',
  NEXUS_ROTATION_READS: reads = '25',
  NEXUS_ROTATION_KILLS: kills = '2',
  NEXUS_ROTATION_SEED: seed,
  NEXUS_ROTATION_ENGINE: engine,
  NEXUS_ROTATION_REPLICAS: replicas = '2',
  NEXUS_ROTATION_RATE: rate = '60',
} = process.env;
const runs: readonly (readonly [Engine, number])[] = [
  ['sqlite', 1],
  ['postgres', Number(replicas)],
];
const chosen = runs.filter(([name]) => engine === undefined || engine === name);

describe.each(chosen)('the rotation of keys under load on %s with %i Brokers', (name, brokers) => {
  const usedSeed = seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed);
  const limitMs = 240_000 + (Number(connections) / Number(rate)) * 6_000 + Number(kills) * 30_000;

  it(
    `K6, K7: nobody notices who is not cut off, and every value ends under the new key (seed ${usedSeed})`,
    async () => {
      const { violations, counts } = await rotateKeys({
        engine: name,
        connections: Number(connections),
        readsPerSecond: Number(reads),
        kills: Number(kills),
        replicas: brokers,
        seed: usedSeed,
        rowsPerSecond: Number(rate),
        onProgress: (line) => process.stdout.write(`[${name}] ${line}\n`),
      });
      const summary = [...counts].map(([what, count]) => `  ${what}: ${count}`);
      process.stdout.write(`[${name}] seed ${usedSeed}\n${summary.join('\n')}\n`);
      expect(violations.slice(0, 20)).toEqual([]);
      expect(counts.get('values re-sealed')).toBeGreaterThan(Number(connections) * 0.9);
      expect(counts.get('reads answered')).toBeGreaterThan(0);
      expect(counts.get('refreshes answered')).toBeGreaterThan(0);
    },
    limitMs,
  );
});
