/** Every check that needs no service: one line each, and the output of those that fail. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled, root } from './ensure.mjs';

const bin = (name) => join(root, 'node_modules', '.bin', name);
const tool = (name) => [process.execPath, join(root, 'packages', 'repo-tools', 'dist', `${name}.js`), '--check'];

/** What the compiler writes is what the last two check, so those follow it; the others need only the sources. */
const lanes = [
  [
    { name: 'types', command: [bin('tsc'), '-b', '.', 'test'] },
    { name: 'contract', command: tool('write-contracts') },
    { name: 'docs', command: tool('write-docs') },
  ],
  [
    { name: 'lint', command: [bin('biome'), 'check', '--error-on-warnings', '--max-diagnostics=50', '.'] },
    {
      name: 'layers',
      command: [
        bin('depcruise'),
        '--config',
        '.dependency-cruiser.cjs',
        'packages',
        'nexus-broker',
        'nexus-gateway',
        'test',
      ],
    },
    { name: 'unused', command: [bin('knip')] },
  ],
];

await ensureInstalled();
const results = (await Promise.all(lanes.map(runLane))).flat();
process.exitCode = results.every(Boolean) ? 0 : 1;

async function runLane(lane) {
  const results = [];
  for (const { name, command } of lane) {
    const started = Date.now();
    const { code, output } = await run(command);
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    console.log(`${name.padEnd(9)} ${code === 0 ? 'ok' : 'FAIL'} (${seconds} s)${code === 0 ? '' : `\n${output}`}`);
    results.push(code === 0);
  }
  return results;
}

function run([command, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('error', (error) => resolve({ code: 1, output: error.message }));
    child.on('close', (code) => resolve({ code, output: Buffer.concat(chunks).toString('utf8').trimEnd() }));
  });
}
