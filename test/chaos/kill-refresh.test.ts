import { describe, expect, it } from 'vitest';
import type { Engine } from '../support/stack.js';
import { killRefresh } from './kill-refresh.js';
import { type Moment, moments } from './refresh-world.js';

/** `npm run chaos:refresh -- --runs N --seed N --engine E --replicas N --moment M` sets these. */
const {
  NEXUS_REFRESH_RUNS: runs,
  NEXUS_REFRESH_SEED: seed,
  NEXUS_REFRESH_ENGINE: engine,
  NEXUS_REFRESH_REPLICAS: replicas = '3',
  NEXUS_REFRESH_MOMENT: moment,
} = process.env;
const forms: readonly (readonly [Engine, number, Moment | undefined])[] =
  runs === undefined
    ? [['sqlite', 4, 'answered']]
    : [
        ['sqlite', Number(runs), moments.find((name) => name === moment)],
        ['postgres', Number(runs), moments.find((name) => name === moment)],
      ];
const chosen = forms.filter(([name]) => engine === undefined || engine === name);

describe.each(chosen)('grants of a Broker on %s, in %i runs', (name, times, chosenMoment) => {
  const usedSeed = seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed);

  it(
    `R4, R11: survive what kills it between answer and commit, or are told of as lost (seed ${usedSeed})`,
    async () => {
      const { violations, counts } = await killRefresh({
        engine: name,
        replicas: name === 'sqlite' ? 1 : Number(replicas),
        runs: times,
        seed: usedSeed,
        ...(chosenMoment === undefined ? {} : { moment: chosenMoment }),
        onProgress: (line) => process.stdout.write(`[${name}] ${line}\n`),
      });
      const summary = [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([what, count]) => `  ${what}: ${count}`);
      process.stdout.write(`[${name}] seed ${usedSeed}, ${times} runs\n${summary.join('\n')}\n`);
      expect(violations).toEqual([]);
      expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(times);
    },
    90_000 + times * 5_000,
  );
});
