import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyOauth, registerFaultyOauth } from '../support/faulty-oauth.js';
import { runSql } from '../support/sql.js';
import { type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

/** A provider is never sent more than a hundred calls at once. */
const refreshesOfEach = 100;
/** NEXUS_SLOW_REFRESHES=500 makes the long form. */
const refreshes = Number(process.env['NEXUS_SLOW_REFRESHES'] ?? refreshesOfEach);
const providerCount = refreshes / refreshesOfEach;
/** A provider that has answered nothing yet is sent four calls at once, and twice as many after every answer. */
const warmUps = 6;
const reads = 100;

describe('a Broker with ten connections to PostgreSQL', () => {
  let stack: Stack;
  let providers: readonly FaultyOauth[];
  let pool: Pool;

  beforeAll(async () => {
    const quiet = { LOG_LEVEL: 'warn' };
    stack = await startStack({
      engine: 'postgres',
      brokerEnv: { ...quiet, DATABASE_POOL_SIZE: '10' },
      gatewayEnv: quiet,
    });
    const registering = Array.from({ length: providerCount }, (_, index) =>
      registerFaultyOauth(stack, {
        name: `faulty${index}`,
        rotation: 'strict',
        profile: { refresh: { concurrency: refreshesOfEach, calls_per_second: 1_000 } },
      }),
    );
    providers = await Promise.all(registering);
    pool = new Pool(stack.gatewayUrl, { connections: refreshes + 1 });
  });
  afterAll(async () => {
    await pool.close();
    await stack.close();
    await Promise.all(providers.map((provider) => provider.close()));
  });

  const openCalls = () => providers.reduce((sum, provider) => sum + provider.openCalls(), 0);
  const ask = async (method: 'GET' | 'POST', path: string): Promise<number> => {
    const { statusCode, body } = await pool.request({ method, path });
    await body.dump();
    return statusCode;
  };

  /** Reads live tokens, and tells which time, in ms, 99 of 100 reads took less than. */
  const measure = async (ids: readonly string[]): Promise<number> => {
    const times: number[] = [];
    for (let read = 0; read < reads; read++) {
      const startedMs = performance.now();
      expect(await ask('GET', `/v1/token/${ids[read % ids.length]}`)).toBe(200);
      times.push(performance.now() - startedMs);
    }
    times.sort((a, b) => a - b);
    return times[Math.floor(reads * 0.99) - 1] ?? 0;
  };

  const letExpire = (refs: readonly string[]) =>
    runSql(
      stack,
      `update connection set access_expires_at = 1 where connection_ref in (${refs.map((ref) => `'${ref}'`).join(', ')})`,
    );

  it(`O14: no read of a living token waits for any of ${refreshes} slow refreshes`, async () => {
    const connected = await Promise.all(providers.map((p) => p.connectMany(refreshesOfEach + warmUps)));
    const renewed = connected.flatMap((connections) => connections.slice(warmUps));
    const others = connected.flatMap((connections) => connections.slice(0, warmUps)).map(({ id }) => id);
    // All of one kind go the way of reads, all of the other that of calls that may take long.
    const [read, forced] = [renewed.filter((_, index) => index % 2 === 0), renewed.filter((_, index) => index % 2 > 0)];
    await letExpire(read.map(({ ref }) => ref));
    const unloaded = await measure(others);
    expect(new Set(await Promise.all(others.map((id) => ask('POST', `/v1/refresh/${id}`))))).toEqual(new Set([200]));
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    for (const provider of providers) provider.setFaults(() => ({ kind: 'slow', until: released }));
    const waiting = [
      ...read.map(({ id }) => ask('GET', `/v1/token/${id}`)),
      ...forced.map(({ id }) => ask('POST', `/v1/refresh/${id}`)),
    ];
    await waitFor('the calls', () => (openCalls() === refreshes ? true : null));
    const loaded = await measure(others);
    // Every one of them is still open, so no read has waited for it.
    expect(openCalls()).toBe(refreshes);
    process.stdout.write(`p99 of reads: ${unloaded.toFixed(1)} ms, with ${refreshes} open ${loaded.toFixed(1)} ms\n`);
    release();
    // On a busy machine an answer may come after its deadline; nothing else may happen to a refresh.
    expect((await Promise.all(waiting)).filter((status) => status !== 200 && status !== 502)).toEqual([]);
  }, 60_000);
});
