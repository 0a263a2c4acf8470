/**
 * `npm run chaos:refresh -- --runs 500 --seed N --engine sqlite|postgres --replicas 3 --moment answered`: the long form of
 * kill-refresh.test.ts. On SQLite there is one Broker; without a moment, each run has one of its own.
 */
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
    replicas: { type: 'string', default: '3' },
    engine: { type: 'string' },
    moment: { type: 'string' },
  },
});
const { engine, moment, ...numbers } = values;
const isEngine = engine === undefined || ['sqlite', 'postgres'].includes(engine);
if (!isEngine || Object.values(numbers).some((text) => !/^\d+$/.test(text))) {
  process.stderr.write(
    'usage: npm run chaos:refresh -- [--runs N] [--seed N] [--engine sqlite|postgres] [--replicas N] [--moment M]\n',
  );
  process.exit(2);
}
await install();
await build();
const settings = Object.entries({ ...numbers, engine, moment }).filter(([, value]) => value !== undefined);
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', 'test/chaos/kill-refresh.test.ts'],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      ...Object.fromEntries(settings.map(([name, value]) => [`NEXUS_REFRESH_${name.toUpperCase()}`, value])),
    },
  },
);
process.exitCode = status ?? 1;
