/** `npm run property:refresh -- --runs 10000 --seed N`: the long form of refresh-properties.test.ts. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { install } from '../../packages/repo-tools/bin/ensure.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
if (!/^[1-9]\d*$/.test(values.runs) || !/^\d+$/.test(values.seed)) {
  process.stderr.write('usage: npm run property:refresh -- [--runs N] [--seed N]\n');
  process.exit(2);
}
await install();
// Each run writes some dozens of transactions; in memory the disk is not what is measured.
const memory = '/dev/shm';
const { status } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    'nexus-broker/src/testing/refresh/refresh-properties.test.ts',
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      TMPDIR: existsSync(memory) ? memory : tmpdir(),
      NEXUS_PROPERTY_RUNS: values.runs,
      NEXUS_PROPERTY_SEED: values.seed,
    },
  },
);
process.exitCode = status ?? 1;
