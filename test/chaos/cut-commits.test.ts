import { expect, it } from 'vitest';
import { cutCommits } from './cut-commits.js';

/** `npm run chaos:commits -- --runs N --seed N` sets these. */
const { NEXUS_CHAOS_RUNS: runs, NEXUS_CHAOS_SEED: given } = process.env;
const times = Number(runs ?? 20);
const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);

it(
  `O7: a connection that is cut at COMMIT duplicates nothing and loses nothing (${times} runs, seed ${seed})`,
  async () => {
    const { violations, counts, waits } = await cutCommits({
      runs: times,
      seed,
      onProgress: (line) => process.stdout.write(`${line}\n`),
    });
    const summary = [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([what, count]) => `  ${what}: ${count}`);
    const sorted = [...waits].sort((a, b) => a - b);
    const longest = Math.round(sorted.at(-1) ?? 0);
    process.stdout.write(`seed ${seed}, ${times} runs, longest wait ${longest} ms\n${summary.join('\n')}\n`);
    expect(violations).toEqual([]);
    expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(times);
  },
  60_000 + times * 2_000,
);
