import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyOauth, registerFaultyOauth } from '../support/faulty-oauth.js';
import { type MovedClock, prepareMovedClock } from '../support/moved-clock.js';
import { type Replica, startReplica } from '../support/replica.js';
import { setAccessExpiry } from '../support/sql.js';
import { type Stack, startStack } from '../support/stack.js';

const hour = 3_600;
const moves = [hour, -hour, 400 * 24 * hour] as const;

describe('a Broker on postgres beside others whose clocks are wrong', () => {
  let clocks: MovedClock;
  let stack: Stack;
  let provider: FaultyOauth;
  let replicas: readonly Replica[];

  beforeAll(async () => {
    clocks = await prepareMovedClock();
    const quiet = { LOG_LEVEL: 'warn' };
    stack = await startStack({ engine: 'postgres', brokerEnv: quiet, gatewayEnv: quiet });
    const slow = { kind: 'slow', ms: 300 } as const;
    provider = await registerFaultyOauth(stack, { rotation: 'strict', faults: () => slow });
    replicas = await Promise.all(moves.map((seconds) => startReplica(stack, { brokerEnv: clocks.env(seconds) })));
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await stack.close();
    await provider.close();
    await clocks[Symbol.asyncDispose]();
  });

  it.each(moves)('is told another time than the machine shows (%i s)', (seconds) => {
    const { stdout } = spawnSync(process.execPath, ['-p', 'Date.now()'], { env: clocks.env(seconds) });
    expect(Math.round((Number(String(stdout)) - Date.now()) / 60_000)).toBe(seconds / 60);
  });

  it.each(moves.map((seconds, index) => [seconds, index]))(
    'R13: %i s off, hands out no token that has expired, and renews none that has not',
    async (seconds, index) => {
      const family = `moved${index}`;
      const { connection_id, connection_ref } = await provider.connect(family);
      const read = async () => (await replicas[index]?.gateway('GET', `/v1/token/${connection_id}`))?.body;
      for (let reader = 0; reader < 5; reader++) {
        expect((await read()).credentials?.access_token).toBe(`at-${family}-0`);
      }
      expect(provider.count(family).calls).toBe(0);
      await setAccessExpiry(stack, connection_ref, -60);
      const renewed = await read();
      expect(renewed.credentials?.access_token).toBe(`at-${family}-1`);
      const endsIn = renewed.expires_at - Date.now() / 1_000;
      expect(Math.abs(endsIn - hour), `${seconds} s off`).toBeLessThan(60);
    },
  );

  it('R13: all of them together ask a provider that ends reused grants once', async () => {
    const { connection_id, connection_ref } = await provider.connect('together');
    await setAccessExpiry(stack, connection_ref, -60);
    const places = [stack, ...replicas];
    const reading = Array.from({ length: 80 }, (_, reader) =>
      places[reader % places.length]?.gateway('GET', `/v1/token/${connection_id}`),
    );
    const tokens = (await Promise.all(reading)).map((answer) => answer?.body.credentials?.access_token);
    expect(new Set(tokens)).toEqual(new Set(['at-together-1']));
    expect(provider.count('together')).toEqual({ calls: 1, openAtOnce: 1, reuses: 0, isAlive: true });
  });
});
