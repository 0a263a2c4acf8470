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
/** Below the time a provider has for an answer. */
const slowMs = providerCount > 1 ? 8_000 : 5_000;
const readsOfWindow = 100;
const windows = 3;
const promisedMs = 50;

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

  /** Which time, in ms, 99 of 100 reads of live tokens take less than; the best of the windows in which enough was open. */
  const measure = async (ids: readonly string[], minOpen: number): Promise<number> => {
    const figures: number[] = [];
    for (let window = 0; window < windows; window++) {
      const times: number[] = [];
      for (let read = 0; read < readsOfWindow; read++) {
        const startedMs = performance.now();
        expect(await ask('GET', `/v1/token/${ids[read % ids.length]}`)).toBe(200);
        times.push(performance.now() - startedMs);
      }
      times.sort((a, b) => a - b);
      if (openCalls() >= minOpen) figures.push(times[Math.floor(readsOfWindow * 0.99) - 1] ?? 0);
    }
    return Math.min(...figures);
  };

  const letExpire = (refs: readonly string[]) =>
    runSql(
      stack,
      `update connection set access_expires_at = 1 where connection_ref in (${refs.map((ref) => `'${ref}'`).join(', ')})`,
    );

  it(`O14: ${refreshes} slow refreshes keep no other read waiting for ${promisedMs} ms`, async () => {
    const connected = await Promise.all(providers.map((p) => p.connectMany(refreshesOfEach + warmUps)));
    const renewed = connected.flatMap((connections) => connections.slice(warmUps));
    const others = connected.flatMap((connections) => connections.slice(0, warmUps)).map(({ id }) => id);
    // All of one kind go the way of reads, all of the other that of calls that may take long.
    const [read, forced] = [renewed.filter((_, index) => index % 2 === 0), renewed.filter((_, index) => index % 2 > 0)];
    await letExpire(read.map(({ ref }) => ref));
    const unloaded = await measure(others, 0);
    expect(new Set(await Promise.all(others.map((id) => ask('POST', `/v1/refresh/${id}`))))).toEqual(new Set([200]));
    for (const provider of providers) provider.setFaults(() => ({ kind: 'slow', ms: slowMs }));
    const startedMs = performance.now();
    const waiting = [
      ...read.map(({ id }) => ask('GET', `/v1/token/${id}`)),
      ...forced.map(({ id }) => ask('POST', `/v1/refresh/${id}`)),
    ];
    await waitFor('the calls', () => (openCalls() === refreshes ? true : null), slowMs).catch(() => undefined);
    const underWayMs = performance.now() - startedMs;
    const open = openCalls();
    const loaded = await measure(others, refreshes * 0.9);
    const text = `without refreshes ${unloaded.toFixed(1)} ms, with ${open} open ${loaded.toFixed(1)} ms`;
    process.stdout.write(`reads of live tokens, p99: ${text}; all were open after ${Math.round(underWayMs)} ms\n`);
    expect(open).toBe(refreshes);
    // A machine that is slow without any refresh says nothing of what refreshes do.
    expect(loaded).toBeLessThan(Math.max(promisedMs, unloaded * 2));
    // On a busy machine an answer may come after its deadline; nothing else may happen to a refresh.
    expect((await Promise.all(waiting)).filter((status) => status !== 200 && status !== 502)).toEqual([]);
  }, 60_000);
});
