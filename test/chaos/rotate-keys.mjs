/**
 * `npm run rotation -- --connections 10000 --reads 200 --kills 20 --seed N --engine sqlite|postgres --replicas 1|3`: the
 * long form of rotate-keys.test.ts. `--rate` is RESEAL_ROWS_PER_SECOND, low enough that the kills hit.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, install } from '../../packages/repo-tools/bin/ensure.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    reads: { type: 'string', default: '200' },
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    engine: { type: 'string' },
    replicas: { type: 'string', default: '3' },
    rate: { type: 'string', default: '250' },
  },
});
const { engine, ...numbers } = values;
const isEngine = engine === undefined || ['sqlite', 'postgres'].includes(engine);
if (!isEngine || Object.values(numbers).some((text) => !/^\d+$/.test(text))) {
  process.stderr.write(
    'usage: npm run rotation -- [--connections N] [--reads N] [--kills N] [--seed N] [--engine sqlite|postgres] [--replicas N] [--rate N]\n',
  );
  process.exit(2);
}
await install();
await build();
const settings = Object.entries(numbers).map(([name, value]) => [`NEXUS_ROTATION_${name.toUpperCase()}`, value]);
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', 'test/chaos/rotate-keys.test.ts'],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      ...Object.fromEntries(settings),
      ...(engine === undefined ? {} : { NEXUS_ROTATION_ENGINE: engine }),
    },
  },
);
process.exitCode = status ?? 1;
