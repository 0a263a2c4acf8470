import { describe, expect, it } from 'vitest';
import { mixVersions, type Order } from './mixed-versions.js';

/**
 * `npm run mixed-versions -- --old COMMIT --seed N --operations M` sets these. It is no part of the suite: an old version
 * takes long to compile.
 */
const { NEXUS_MIXED_ROOT: oldRoot = '', NEXUS_MIXED_SEED: seed, NEXUS_MIXED_OPERATIONS: operations } = process.env;

describe('Brokers of two versions on one PostgreSQL', () => {
  it.each<Order>(['new first', 'old first'])(
    `O13: nobody notices which of them answers, %s (seed ${seed})`,
    async (order) => {
      const { violations, counts } = await mixVersions({
        order,
        oldRoot,
        seed: Number(seed),
        operations: Number(operations),
        onProgress: (line) => process.stdout.write(`[${order}] ${line}\n`),
      });
      const summary = [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([what, n]) => `  ${what}: ${n}`);
      process.stdout.write(`[${order}] seed ${seed}, ${operations} operations\n${summary.join('\n')}\n`);
      expect(violations.slice(0, 20)).toEqual([]);
    },
    120_000 + Number(operations) * 1_000,
  );
});
