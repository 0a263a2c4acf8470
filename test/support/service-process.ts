/** A service as it runs in production: its compiled main in a process of its own, told everything by environment. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findMain, type ServiceMain } from './service-main.js';

export interface ServiceProcess {
  readonly pid: number;
  /** Everything it wrote so far. */
  output(): string;
  /** Sends a signal and waits for the end; resolves to the exit code, or null after a kill. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
  readonly ended: Promise<number | null>;
}

interface ServiceOptions {
  /** Path of the compiled main, from the root of the repository. */
  readonly main: ServiceMain;
  /** Another compiled checkout to run it from. */
  readonly root?: string;
  readonly env: Readonly<Record<string, string>>;
  /** Polled until it answers 200, or until it returns true. */
  readonly readyUrl: string | (() => Promise<boolean>);
}

/** Only a start that hangs takes so long; one that fails ends by itself. */
const readyTimeoutMs = 45_000;
const root = fileURLToPath(new URL('../../', import.meta.url));

export async function startService(options: ServiceOptions): Promise<ServiceProcess> {
  const service = spawnService(options.main, options.env, options.root);
  const deadline = Date.now() + readyTimeoutMs;
  let isEnded = false;
  void service.ended.then(() => {
    isEnded = true;
  });
  const { readyUrl } = options;
  const isReady = typeof readyUrl === 'string' ? () => answersOk(readyUrl) : readyUrl;
  while (!(await isReady())) {
    if (isEnded || Date.now() > deadline) {
      await service.stop('SIGKILL');
      throw new Error(`${options.main} did not become ready:\n${service.output().slice(-4_000)}`);
    }
    await sleep(25);
  }
  return service;
}

/** Starts it without waiting for readiness, for starts that must fail or be killed on the way. */
export function spawnService(main: ServiceMain, env: Readonly<Record<string, string>>, from = root): ServiceProcess {
  const child: ChildProcess = spawn(process.execPath, [from === root ? findMain(main) : main], {
    cwd: from,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => chunks.push(String(chunk)));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    pid: child.pid ?? 0,
    output: () => chunks.join(''),
    ended,
    async stop(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
}

async function answersOk(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

/**
 * Ports that were free a moment ago, all different. They lie below those the system gives to outgoing connections, of
 * which another test could have one by the time a service listens.
 */
export async function reservePorts(count: number): Promise<number[]> {
  const held = await Promise.all(Array.from({ length: count }, holdPort));
  await Promise.all(held.map(({ server }) => new Promise((resolve) => server.close(resolve))));
  return held.map(({ port }) => port);
}

async function holdPort(): Promise<{ readonly server: Server; readonly port: number }> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer();
    server.listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
      return { server, port };
    } catch {
      // Somebody has this one.
    }
  }
}
