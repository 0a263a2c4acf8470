import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyOauth, registerFaultyOauth } from '../support/faulty-oauth.js';
import { type Replica, startReplica } from '../support/replica.js';
import { setAccessExpiry } from '../support/sql.js';
import { type Stack, startStack } from '../support/stack.js';

const readersOfEach = 300;

describe('refreshing over three Brokers on postgres', () => {
  let stack: Stack;
  let provider: FaultyOauth;
  let replicas: Replica[];

  beforeAll(async () => {
    const quiet = { LOG_LEVEL: 'warn' };
    stack = await startStack({ engine: 'postgres', brokerEnv: quiet, gatewayEnv: quiet });
    provider = await registerFaultyOauth(stack, { rotation: 'strict', faults: () => ({ kind: 'slow', ms: 400 }) });
    replicas = await Promise.all([startReplica(stack), startReplica(stack)]);
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await stack.close();
    await provider.close();
  });

  it(`R2: ${readersOfEach} readers at each of them cause one call of a provider that ends reused grants`, async () => {
    const { connection_id, connection_ref } = await provider.connect('crowd');
    await setAccessExpiry(stack, connection_ref);
    const places = [stack, ...replicas];
    const reading = Array.from({ length: readersOfEach * places.length }, (_, reader) =>
      places[reader % places.length]?.gateway('GET', `/v1/token/${connection_id}`),
    );
    const answers = await Promise.all(reading);
    expect(new Set(answers.map((answer) => answer?.status))).toEqual(new Set([200]));
    expect(new Set(answers.map((answer) => answer?.body.credentials.access_token))).toEqual(new Set(['at-crowd-1']));
    expect(provider.count('crowd')).toEqual({ calls: 1, openAtOnce: 1, reuses: 0, isAlive: true });
  });
});
