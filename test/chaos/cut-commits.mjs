/** `npm run chaos:commits -- --runs 500 --seed N`: the long form of cut-commits.test.ts. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, install } from '../../packages/repo-tools/bin/ensure.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '500' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
if (!/^\d+$/.test(values.runs) || !/^\d+$/.test(values.seed)) {
  process.stderr.write('usage: npm run chaos:commits -- [--runs N] [--seed N]\n');
  process.exit(2);
}
await install();
await build();
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/chaos/cut-commits.test.ts'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, NEXUS_CHAOS_RUNS: values.runs, NEXUS_CHAOS_SEED: values.seed },
});
process.exitCode = status ?? 1;
