import { setTimeout as sleep } from 'node:timers/promises';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@nexus/testkit/embedded-postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyOauth, registerFaultyOauth } from '../support/faulty-oauth.js';
import { runSql } from '../support/sql.js';
import { type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

const promisedMs = 5_000;
const readers = 8;
/** How often a server is stopped and started; `NEXUS_RESTARTS=50` makes a long run of it. */
const restarts = Number(process.env['NEXUS_RESTARTS'] ?? 2);

describe('a PostgreSQL that is stopped and started', () => {
  let server: EmbeddedPostgres;
  let stack: Stack;
  let provider: FaultyOauth;

  beforeAll(async () => {
    server = await startEmbeddedPostgres();
    const brokerEnv = { LOG_LEVEL: 'warn' };
    stack = await startStack({ engine: 'postgres', databaseUrl: server.url, brokerEnv, gatewayEnv: brokerEnv });
    provider = await registerFaultyOauth(stack, { rotation: 'strict', faults: () => ({ kind: 'slow', ms: 100 }) });
  });
  afterAll(async () => {
    await stack.close();
    await provider.close();
    await server.stop();
  });

  it('O8: in order or by a crash, is answered for with 503 at once, used again within 5 s, and no refresh under way is lost or repeated', async () => {
    const connections = await provider.connectMany(readers);
    const steady = await provider.connect('steady');
    const readSteady = () => stack.gateway('GET', `/v1/token/${steady.connection_id}`);
    for (let round = 1; round <= restarts; round++) {
      await runSql(stack, 'update connection set access_expires_at = 1 where connection_ref <> ?', [
        steady.connection_ref,
      ]);
      const reading = connections.map(({ id }) => stack.gateway('GET', `/v1/token/${id}`));
      // In the middle of the refreshes, a little later each time.
      await sleep(((round - 1) % 4) * 60 + 60);
      await server.halt(round % 2 === 0 ? 'immediate' : 'fast');
      const askedMs = performance.now();
      expect((await readSteady()).status).toBe(503);
      expect(performance.now() - askedMs).toBeLessThan(promisedMs);
      const statuses = (await Promise.all(reading)).map(({ status }) => status);
      expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
      await server.resume();
      const backMs = performance.now();
      await waitFor('a token', async () => ((await readSteady()).status === 200 ? true : null));
      const recoveredMs = performance.now() - backMs;
      process.stdout.write(`the database was used again after ${Math.round(recoveredMs)} ms\n`);
      expect(recoveredMs).toBeLessThan(promisedMs);
      for (const { id, secret } of connections) {
        const readToken = async () => {
          const { status, body } = await stack.gateway('GET', `/v1/token/${id}`);
          return status === 200 ? body : null;
        };
        const answer = await waitFor('the token', readToken, 45_000);
        expect(answer.credentials.access_token).toBe(`at-${secret}-${round}`);
        expect(provider.count(secret)).toEqual({ calls: round, openAtOnce: 1, reuses: 0, isAlive: true });
      }
    }
  }, 1_200_000);
});
