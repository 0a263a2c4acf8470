/** `npm run chaos:webhooks -- --kills 50 --seed N --engine sqlite|postgres`: the long form of kill-webhooks.test.ts. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, install } from '../../packages/repo-tools/bin/ensure.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    engine: { type: 'string' },
  },
});
const isEngine = values.engine === undefined || ['sqlite', 'postgres'].includes(values.engine);
if (!isEngine || !/^\d+$/.test(values.kills) || !/^\d+$/.test(values.seed)) {
  process.stderr.write('usage: npm run chaos:webhooks -- [--kills N] [--seed N] [--engine sqlite|postgres]\n');
  process.exit(2);
}
await install();
await build();
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', 'test/chaos/kill-webhooks.test.ts'],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      NEXUS_CHAOS_KILLS: values.kills,
      NEXUS_CHAOS_SEED: values.seed,
      ...(values.engine === undefined ? {} : { NEXUS_CHAOS_ENGINE: values.engine }),
    },
  },
);
process.exitCode = status ?? 1;
