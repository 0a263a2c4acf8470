/** A Broker, a folder for manifests, and nexus-cli in this process between them. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Stack } from '../support/stack.js';
import { startStack } from '../support/stack.js';
import { runOnScreen } from './golden.js';

export interface ManifestWorld {
  readonly stack: Stack;
  readonly folder: string;
  /** What the commands are run with. */
  readonly env: Readonly<Record<string, string>>;
  /** Path of a file of the folder. */
  at(name: string): string;
  /** Writes a manifest and gives its path. */
  write(name: string, text: string): Promise<string>;
  /** In a pipe. */
  run(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  /** With further variables. */
  runWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): ReturnType<ManifestWorld['run']>;
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers as the wire gives them
  read(path: string): Promise<any>;
  close(): Promise<void>;
}

const brokerEnv = {
  LOG_LEVEL: 'info',
  NODE_OPTIONS: `--import=${new URL('../support/without-names.mjs', import.meta.url).href}`,
};

export async function startManifestWorld(): Promise<ManifestWorld> {
  const stack = await startStack({ engine: 'sqlite', brokerEnv });
  const folder = await mkdtemp(join(tmpdir(), 'nexus-manifests-'));
  const env = environmentOf(stack, folder);
  const at = (name: string) => join(folder, name);
  return {
    stack,
    folder,
    env,
    at,
    async write(name, text) {
      await mkdir(dirname(at(name)), { recursive: true });
      await writeFile(at(name), text);
      return at(name);
    },
    run: (...args) => runOnScreen(null, { args, env }),
    runWith: (more, ...args) => runOnScreen(null, { args, env: { ...env, ...more } }),
    read: async (path) => (await stack.broker('GET', path)).body,
    async close() {
      await stack.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** State of nexus-cli goes below `folder`. */
export function environmentOf(stack: Pick<Stack, 'brokerUrl' | 'adminKey'>, folder: string): Record<string, string> {
  return {
    NEXUS_BROKER_URL: stack.brokerUrl,
    NEXUS_API_KEY: stack.adminKey,
    XDG_STATE_HOME: join(folder, '.state'),
    PATH: process.env['PATH'] ?? '',
  };
}
