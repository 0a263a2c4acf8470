import { setTimeout as sleep } from 'node:timers/promises';
import { createScratchDatabase, type ScratchDatabase } from '@nexus/testkit/postgres';
import { startTcpFaultProxy, type TcpFaultProxy } from '@nexus/testkit/tcp-fault-proxy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyOauth, registerFaultyOauth } from '../support/faulty-oauth.js';
import { runSql } from '../support/sql.js';
import { type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

const promisedMs = 5_000;

describe('a PostgreSQL that goes away and comes back', () => {
  let scratch: ScratchDatabase;
  let proxy: TcpFaultProxy;
  let stack: Stack;
  let provider: FaultyOauth;

  beforeAll(async () => {
    scratch = await createScratchDatabase();
    const { hostname, port } = new URL(scratch.url);
    proxy = await startTcpFaultProxy({ target: { host: hostname, port: Number(port) } });
    const throughProxy = new URL(scratch.url);
    throughProxy.port = String(proxy.port);
    const brokerEnv = { DATABASE_URL: throughProxy.href, LOG_LEVEL: 'warn' };
    stack = await startStack({ engine: 'postgres', databaseUrl: scratch.url, brokerEnv });
    provider = await registerFaultyOauth(stack, { rotation: 'strict', faults: () => ({ kind: 'slow', ms: 100 }) });
  });
  afterAll(async () => {
    await stack.close();
    await provider.close();
    await proxy.close();
    await scratch[Symbol.asyncDispose]();
  });

  it('O8: is answered for with 503 at once, used again within 5 s, and no refresh under way is lost or repeated', async () => {
    const connections = await provider.connectMany(8);
    const steady = await provider.connect('steady');
    const readSteady = () => stack.gateway('GET', `/v1/token/${steady.connection_id}`);
    for (let round = 1; round <= 2; round++) {
      await runSql(stack, 'update connection set access_expires_at = 1 where connection_ref <> ?', [
        steady.connection_ref,
      ]);
      const reading = connections.map(({ id }) => stack.gateway('GET', `/v1/token/${id}`));
      // In the middle of the refreshes, a little later each time.
      await sleep(round * 60);
      await proxy.refuse();
      proxy.resetAll();
      const askedMs = performance.now();
      expect((await readSteady()).status).toBe(503);
      expect(performance.now() - askedMs).toBeLessThan(promisedMs);
      const statuses = (await Promise.all(reading)).map(({ status }) => status);
      expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
      await proxy.accept();
      const backMs = performance.now();
      await waitFor('a token', async () => ((await readSteady()).status === 200 ? true : null));
      const recoveredMs = performance.now() - backMs;
      process.stdout.write(`the database was used again after ${Math.round(recoveredMs)} ms\n`);
      expect(recoveredMs).toBeLessThan(promisedMs);
      for (const { id, secret } of connections) {
        const answer = await waitFor(
          'the token',
          async () => {
            const { status, body } = await stack.gateway('GET', `/v1/token/${id}`);
            return status === 200 ? body : null;
          },
          45_000,
        );
        expect(answer.credentials.access_token).toBe(`at-${secret}-${round}`);
        expect(provider.count(secret)).toEqual({ calls: round, openAtOnce: 1, reuses: 0, isAlive: true });
      }
    }
  }, 120_000);
});
