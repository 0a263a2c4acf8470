import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEnvironment } from '@nexus/config/environment';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenedGround, openGround } from './open-ground.js';
import { calmPlans, roughPlans } from './refresh-plan.js';
import { runRefreshTrial } from './run-refresh-trial.js';

/** `npm run property:refresh -- --runs N --seed N` sets these. */
const { NEXUS_PROPERTY_RUNS: runs, NEXUS_PROPERTY_SEED: seed } = readEnvironment();
const usedSeed = seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed);
const calmRuns = Math.ceil(Number(runs ?? 80) / 4);
const roughRuns = Number(runs ?? 100);
const timeoutMs = (numRuns: number) => 30_000 + numRuns * 200;

describe('refreshes by several Brokers', () => {
  const counts = new Map<string, number>();
  let folder: string;
  let ground: OpenedGround;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nexus-refresh-'));
    ground = await openGround(folder);
  });
  afterAll(async () => {
    await ground.close();
    await rm(folder, { recursive: true });
    const summary = [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([what, times]) => `  ${what}: ${times}`);
    process.stdout.write(`seed ${usedSeed}\n${summary.join('\n')}\n`);
  });

  it(
    `R3: no family ends while nothing goes wrong, in ${calmRuns} interleavings (seed ${usedSeed})`,
    async () => {
      const property = fc.asyncProperty(calmPlans, (plan) => runRefreshTrial(ground, plan, counts));
      await fc.assert(property, { seed: usedSeed, numRuns: calmRuns });
      expect([...counts.keys()].filter((what) => what.startsWith('end: '))).toEqual(['end: active']);
    },
    timeoutMs(calmRuns),
  );

  it(
    `R3, R4, R10, R13, R18: the invariants hold whatever goes wrong, in ${roughRuns} interleavings (seed ${usedSeed})`,
    async () => {
      const property = fc.asyncProperty(roughPlans, (plan) => runRefreshTrial(ground, plan, counts));
      await fc.assert(property, { seed: usedSeed, numRuns: roughRuns });
    },
    timeoutMs(roughRuns),
  );
});
