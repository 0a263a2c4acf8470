/** `npm run mutations -- --count 100000 --seed N`: the long form of packages/vault/src/mutations.test.ts. */
import { parseArgs } from 'node:util';
import { build, install } from '../../packages/repo-tools/bin/ensure.mjs';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
if (!/^[1-9]\d*$/.test(values.count) || !/^\d+$/.test(values.seed)) {
  process.stderr.write('usage: npm run mutations -- [--count N] [--seed N]\n');
  process.exit(2);
}
await install();
await build();
const { runMutations } = await import('../../packages/vault/dist/mutations-fixture.js');
const startedMs = performance.now();
const { tried, refused, accepted } = await runMutations({ count: Number(values.count), seed: Number(values.seed) });
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
const lines = [...refused]
  .sort(([one], [other]) => (one < other ? -1 : 1))
  .map(([what, times]) => `  ${what}: ${times}`);
process.stdout.write(`seed ${values.seed}: ${tried} mutations in ${seconds} s, ${accepted.length} accepted\n`);
process.stdout.write(`${[...lines, ...accepted.map((what) => `  ACCEPTED: ${what}`)].join('\n')}\n`);
process.exitCode = accepted.length === 0 ? 0 : 1;
