import { readEnvironment } from '@nexus/config/environment';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerUnderTest, type Engine, openBrokerUnderTest } from './broker-under-test.js';
import { commandPlans } from './command-plan.js';
import { runTrial } from './run-trial.js';
import { worldPlans } from './world-plan.js';

/** `npm run property -- --runs N --seed N --engine E` sets these. */
const { NEXUS_PROPERTY_RUNS: runs, NEXUS_PROPERTY_SEED: seed, NEXUS_PROPERTY_ENGINE: engine } = readEnvironment();
const forms: readonly (readonly [Engine, number])[] = [
  ['sqlite', Number(runs ?? 40)],
  ['postgres', Number(runs ?? 15)],
];
const chosen = forms.filter(([name]) => engine === undefined || engine === name);

describe.each(chosen)('sessions of agents on %s, in %i random worlds', (name, numRuns) => {
  const usedSeed = seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed);
  const counts = new Map<string, number>();
  let broker: BrokerUnderTest;
  let number = 0;

  beforeAll(async () => {
    broker = await openBrokerUnderTest(name);
  });
  afterAll(() => broker.close());

  it(
    `B7, B8, B9, B11: reach no further than agent, user and connection, and nothing once over (seed ${usedSeed})`,
    async () => {
      const property = fc.asyncProperty(worldPlans, commandPlans, async (plan, commands) => {
        number += 1;
        await runTrial(broker, { name: `r${number}`, plan, commands }, counts);
      });
      await fc.assert(property, { seed: usedSeed, numRuns });
      const summary = [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([what, times]) => `  ${what}: ${times}`);
      process.stdout.write(`[${name}] seed ${usedSeed}, ${numRuns} runs\n${summary.join('\n')}\n`);
      expect(counts.get('open: 201')).toBeGreaterThan(numRuns / 6);
      expect(counts.get('open for a user: 201')).toBeGreaterThan(0);
      expect(counts.get('read: disclosed')).toBeGreaterThan(numRuns / 6);
    },
    60_000 + numRuns * 500,
  );
});
