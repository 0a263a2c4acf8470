/**
 * A global setup of vitest: puts the compiled modules of each service into a few files for the run. The suite starts
 * the services some hundred times, and loading 1,300 modules one by one takes longer than everything else a start does.
 */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundlesVariable, placeBundle, type ServiceMain, services } from './service-main.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Bundler {
  rolldown(options: object): Promise<{ write(options: object): Promise<unknown>; close(): Promise<void> }>;
}

interface Run {
  readonly config: { readonly watch: boolean };
}

export async function setup({ config }: Run): Promise<() => Promise<void>> {
  // Who watches compiles while the run goes on, and wants to test that.
  if (config.watch) return async () => undefined;
  const folder = await mkdtemp(join(tmpdir(), 'nexus-services-'));
  try {
    const { rolldown } = await loadBundler();
    await Promise.all(services.map((main) => bundle(rolldown, main, placeBundle(folder, main))));
    process.env[bundlesVariable] = folder;
  } catch (error) {
    // Most tests start no service; those that do find out themselves what is wrong with the compiled modules.
    process.stderr.write(`The services run unbundled: ${String(error).split('\n', 3).join(' ')}\n`);
  }
  return () => rm(folder, { recursive: true, force: true });
}

async function bundle(rolldown: Bundler['rolldown'], main: ServiceMain, target: string): Promise<void> {
  const native = createRequire(join(root, 'nexus-broker', 'package.json')).resolve('better-sqlite3');
  const bundled = await rolldown({
    input: join(root, main),
    platform: 'node',
    external: ['better-sqlite3', 'pg-native'],
    plugins: [{ name: 'modules-know-where-they-were', transform: nameOrigin }],
    logLevel: 'silent',
  });
  await bundled.write({
    dir: dirname(target),
    format: 'esm',
    entryFileNames: basename(target),
    chunkFileNames: '[name]-[hash].mjs',
    // Names are what logs show, and what some libraries tell errors apart by.
    keepNames: true,
    paths: { 'better-sqlite3': pathToFileURL(native).href },
  });
  await bundled.close();
}

/** Modules read files that lie beside them, such as the manifest with their version. */
function nameOrigin(code: string, path: string): string | null {
  if (!code.includes('import.meta.url')) return null;
  return code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href));
}

/** The one that vitest brings along. */
async function loadBundler(): Promise<Bundler> {
  let from = join(root, 'package.json');
  for (const name of ['vitest', 'vite']) {
    from = await realpath(createRequire(from).resolve(`${name}/package.json`));
  }
  return import(pathToFileURL(createRequire(from).resolve('rolldown')).href);
}
