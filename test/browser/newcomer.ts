/**
 * `npm start` as a newcomer runs it, with its terminal to read. Installing and compiling is left out: the tests begin after
 * both, and a compiler at work would pull the services from under the tests that run at the same time.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export interface RunningStart {
  readonly gatewayUrl: string;
  readonly brokerUrl: string;
  readonly demoUrl: string;
  readonly adminKeyFile: string;
  /** Waits until the terminal shows it and returns the first group of the match. */
  read(pattern: RegExp): Promise<string>;
  close(): Promise<void>;
}

interface ReadyFile {
  readonly gateway_url: string;
  readonly broker_url: string;
  readonly admin_key_file: string;
  readonly demo: { readonly issuer: string };
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const patienceMs = 60_000;

/** The end of `packages/quickstart/bin/start.mjs`. */
const launch = `
import { pathToFileURL } from 'node:url';
import { main } from './packages/quickstart/dist/main.js';
process.exitCode = await main({
  argv: process.argv.slice(1),
  environment: process.env,
  workingDirectory: process.cwd(),
  repository: pathToFileURL(process.cwd() + '/'),
  output: process.stdout,
  events: process,
});`;

/** `settings` are environment variables. */
export async function startAsNewcomer(settings: Readonly<Record<string, string>> = {}): Promise<RunningStart> {
  const directory = await mkdtemp(join(tmpdir(), 'nexus-start-'));
  const readyFile = join(directory, 'ready.json');
  const ports = ['--gateway-port', '0', '--broker-port', '0', '--demo-port', '0'];
  const options = ['--data-dir', join(directory, 'data'), '--ready-file', readyFile, ...ports];
  const child = spawn(process.execPath, ['--input-type=module', '--eval', launch, '--', ...options], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  let terminal = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      terminal += text;
    });
  }
  const read = async (pattern: RegExp): Promise<string> => {
    for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await sleep(25)) {
      const found = pattern.exec(terminal);
      if (found !== null) return found[1] ?? found[0];
      if (child.exitCode !== null) break;
    }
    throw new Error(`the terminal never showed ${pattern}:\n${terminal.slice(-4_000)}`);
  };
  const close = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await read(/Nexus is ready/);
  } catch (error) {
    await close();
    throw error;
  }
  const ready = JSON.parse(await readFile(readyFile, 'utf8')) as ReadyFile;
  return {
    gatewayUrl: ready.gateway_url,
    brokerUrl: ready.broker_url,
    demoUrl: ready.demo.issuer,
    adminKeyFile: ready.admin_key_file,
    read,
    close,
  };
}
