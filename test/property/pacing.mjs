/** `npm run property:pacing`: R8, R9, R14 and R15 with as many connections as the threat cases speak of. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from '../../packages/repo-tools/bin/ensure.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
await install();
const folder = 'nexus-broker/src/testing/pacing';
// Tens of thousands of transactions; in memory the disk is not what is measured.
const memory = '/dev/shm';
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', `${folder}/schedule.test.ts`, `${folder}/outage.test.ts`],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TMPDIR: existsSync(memory) ? memory : tmpdir(), NEXUS_PACING_FULL: '1' },
  },
);
process.exitCode = status ?? 1;
