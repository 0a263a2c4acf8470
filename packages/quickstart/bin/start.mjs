import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled } from '../../repo-tools/bin/ensure.mjs';

// A start that was killed left its ready file behind, and installing may take a while.
const { values } = parseArgs({ options: { 'ready-file': { type: 'string' } }, strict: false });
const workingDirectory = process.env.INIT_CWD ?? process.cwd();
if (typeof values['ready-file'] === 'string') rmSync(resolve(workingDirectory, values['ready-file']), { force: true });

await ensureInstalled();
await ensureBuilt();

// Imported late: the compiled launcher exists only after the two lines above.
const { main } = await import('../dist/main.js');
process.exitCode = await main({
  argv: process.argv.slice(2),
  environment: process.env,
  workingDirectory,
  repository: new URL('../../../', import.meta.url),
  output: process.stdout,
  events: process,
});
