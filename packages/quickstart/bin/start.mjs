import { ensureBuilt, ensureInstalled } from '../../repo-tools/bin/ensure.mjs';

await ensureInstalled();
await ensureBuilt();

// Imported late: the compiled launcher exists only after the two lines above.
const { main } = await import('../dist/main.js');
process.exitCode = await main({
  argv: process.argv.slice(2),
  environment: process.env,
  workingDirectory: process.env.INIT_CWD ?? process.cwd(),
  repository: new URL('../../../', import.meta.url),
  output: process.stdout,
  events: process,
});
