import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';
import { coordinatorVariable } from './postgres.js';

/**
 * A global setup of vitest: one PostgreSQL for the whole run, started when the first suite asks for it, stopped and
 * removed at the end. Does nothing when `TEST_POSTGRES_URL` names a server.
 */
export async function setup(): Promise<() => Promise<void>> {
  if ((process.env['TEST_POSTGRES_URL'] ?? '') !== '') return async () => undefined;
  let started: Promise<EmbeddedPostgres> | null = null;
  const coordinator = createServer((_request, response) => {
    started ??= startEmbeddedPostgres();
    started.then(
      ({ url }) => response.end(url),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  // A worker that asks again after a while must not find its connection closed.
  coordinator.keepAliveTimeout = 0;
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

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}
