/** Runs a compiled main in this very process, so that signals and the exit code need no passing on. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ensureInstalled, root } from './ensure.mjs';

const [main, ...args] = process.argv.slice(2);
if (main === undefined) {
  console.error('usage: run.mjs PATH_OF_A_COMPILED_MAIN [ARGUMENT …]');
  process.exit(64);
}

await ensureInstalled();
await ensureBuilt();

const path = resolve(root, main);
process.argv = [process.argv[0], path, ...args];
await import(pathToFileURL(path).href);
