/** `npm run tampering -- --runs 5000 --seed N`: the long form of audit-manipulations.test.ts, both verifiers on each. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { install } from '../../packages/repo-tools/bin/ensure.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
if (!/^[1-9]\d*$/.test(values.runs) || !/^\d+$/.test(values.seed)) {
  process.stderr.write('usage: npm run tampering -- [--runs N] [--seed N]\n');
  process.exit(2);
}
await install();
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', 'test/security/audit-manipulations.test.ts'],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, NEXUS_TAMPERING_RUNS: values.runs, NEXUS_TAMPERING_SEED: values.seed },
  },
);
process.exitCode = status ?? 1;
