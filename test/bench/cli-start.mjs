/**
 * `npm run cli-start`: how long `nexus-cli --version` takes, beside the floor of the same run, which is Node doing
 * nothing. The two alternate. Ends with 1 where the promise is not kept: at most 250 ms, and four times the floor.
 *
 *   --runs N   starts of each (default 31)
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, install } from '../../packages/repo-tools/bin/ensure.mjs';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '31' } } });
const cli = fileURLToPath(new URL('../../nexus-cli/bin/nexus-cli.mjs', import.meta.url));
const promisedMs = 250;
const promisedRatio = 4;

await install();
await build();

const floors = [];
const starts = [];
// The first of each finds cold file caches.
for (let run = 0; run <= Number(values.runs); run++) {
  const floor = time(['-e', '0']);
  const start = time([cli, '--version']);
  if (run > 0) {
    floors.push(floor);
    starts.push(start);
  }
}
const [floor, start] = [median(floors), median(starts)];
console.log(
  `nexus-cli --version ${start.toFixed(0)} ms, node -e 0 ${floor.toFixed(0)} ms: ratio ${(start / floor).toFixed(2)} ` +
    `(medians of ${starts.length}; promised at most ${promisedMs} ms and ${promisedRatio})`,
);
if (start > promisedMs || start / floor > promisedRatio) process.exitCode = 1;

function time(args) {
  const begun = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}`);
  return performance.now() - begun;
}

function median(times) {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}
