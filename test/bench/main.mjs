/**
 * `npm run bench`: what the product does for its users, each figure beside a floor from the same run, because a number
 * without one means nothing on a noisy machine. Floor and product alternate; the table shows medians with the extremes.
 *
 *   --runs N      rounds of floor and product (default 5)
 *   --seconds N   length of one measurement (default 5)
 *   --quick       2 rounds of 2 seconds
 *   --only NAME   only measurements whose name contains NAME
 *   --profile DIR write CPU profiles of Broker and Gateway there
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, install, root } from '../../packages/repo-tools/bin/ensure.mjs';

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    profile: { type: 'string' },
  },
});
const settings = {
  runs: readCount(values.runs, values.quick ? 2 : 5),
  seconds: readCount(values.seconds, values.quick ? 2 : 5),
  only: values.only,
  profile: values.profile ?? null,
};

await install();
await build();
buildTestkit();
// What follows needs the packages, so it is loaded once they are there.
const { measure } = await import('./measure.mjs');
const { formatTable } = await import('./table.mjs');

const scratch = await mkdtemp(join(tmpdir(), 'nexus-bench-'));
try {
  const results = await measure({ ...settings, scratch });
  const report = {
    date: new Date().toISOString(),
    machine: { node: process.version, cpu: cpus()[0]?.model ?? '', cores: cpus().length, memory: totalmem() },
    settings,
    ...results,
  };
  console.log(formatTable(results));
  const folder = join(root, 'bench', 'results');
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${report.date.replaceAll(':', '-')}.json`);
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\nwritten to ${file}`);
} finally {
  await rm(scratch, { recursive: true, force: true });
}

/** No part of a running system needs it, so `build` leaves it out. */
function buildTestkit() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-b', 'packages/testkit'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error('the test kit does not compile');
}

/** @param {string | undefined} text @param {number} fallback */
function readCount(text, fallback) {
  const count = Number(text ?? fallback);
  if (!Number.isInteger(count) || count < 1) throw new Error('--runs and --seconds take a whole number from 1');
  return count;
}
