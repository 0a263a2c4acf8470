import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { RefreshPolicy } from '../../domain/profile-quirks.js';
import type { Provider } from '../../domain/provider.js';
import { createFailure } from '../../oauth/provider-error.js';
import type { Database } from '../../stores/database.js';
import { describeEachDatabase } from '../../stores/describe-each-database.js';
import { createId, createProfile, createProvider } from '../../stores/store-fixture.js';
import type { Admitted, CallEnd, Refused } from '../call-gate.js';
import { PacedGate } from './paced-gate.js';

describeEachDatabase('paced gate', (open) => {
  let offsetMs = 0;
  let database: Database;
  let transactions = 0;
  let logged: string[];
  let origin: string;
  let connectionRef: string;
  beforeAll(async () => {
    const opened = await open({ clockOffsetMs: () => offsetMs });
    database = {
      ...opened,
      transaction: (work) => {
        transactions += 1;
        return opened.transaction(work);
      },
    };
  });
  beforeEach(() => {
    transactions = 0;
    logged = [];
    origin = `https://${createId()}.example`;
    connectionRef = createId();
  });

  const clock = { now: () => Date.now() + offsetMs };
  const create = (changes: Partial<ConstructorParameters<typeof PacedGate>[0]> = {}) => {
    const log = (message: string) => logged.push(message);
    return new PacedGate({ database, clock, logger: { warn: log, error: log }, ...changes });
  };
  const describeProvider = (policy: Partial<RefreshPolicy> = {}): Provider => {
    const standard = createProfile();
    return createProvider({ profile: { ...standard, refresh: { ...standard.refresh, ...policy } } });
  };
  const enter = (gate: PacedGate, provider: Provider, patienceMs = 0) =>
    gate.enter({ provider, origin, patienceMs, connectionRef });
  async function admit(gate: PacedGate, provider: Provider, patienceMs = 2_000): Promise<Admitted> {
    const answer = await enter(gate, provider, patienceMs);
    if (answer.kind !== 'admitted') throw new Error(`refused: ${answer.reason}`);
    return answer;
  }
  const refusalOf = (answer: Admitted | Refused) => (answer.kind === 'refused' ? answer.reason : null);

  it('costs one statement for a call that succeeds', async () => {
    const call = await admit(create(), describeProvider());
    await call.settle(null);
    expect(transactions).toBe(1);
  });

  it('refuses whoever will not wait at once, and without asking the database again', async () => {
    const [gate, provider] = [create(), describeProvider({ callsPerSecond: 1 })];
    await admit(gate, provider);
    const answers = await Promise.all(Array.from({ length: 50 }, () => enter(gate, provider)));
    expect(new Set(answers.map(refusalOf))).toEqual(new Set(['rate']));
    expect(transactions).toBe(1);
  });

  it('R14: lets those who wait in, one after the other at the rate, over two Brokers', async () => {
    const provider = describeProvider({ callsPerSecond: 9 });
    const times: number[] = [];
    const call = async (gate: PacedGate): Promise<void> => {
      const admitted = await admit(gate, provider, 5_000);
      times.push(performance.now());
      await admitted.settle(null);
    };
    const gates = [create(), create()];
    await Promise.all(Array.from({ length: 10 }, (_, index) => call(gates[index % 2] as PacedGate)));
    const [first = 0] = times;
    const last = times.at(-1) ?? 0;
    expect(last - first).toBeGreaterThan(950);
  });

  it('has no more calls under way than the profile allows', async () => {
    const [gate, provider] = [create(), describeProvider({ concurrency: 1, callsPerSecond: 1_000 })];
    const call = await admit(gate, provider);
    expect(refusalOf(await enter(gate, provider, 20))).toBe('concurrency');
    const waiting = enter(gate, provider, 5_000);
    await call.settle(null);
    expect((await waiting).kind).toBe('admitted');
  });

  it('has four calls under way at most until the provider has answered one', async () => {
    const [gate, provider] = [create(), describeProvider({ callsPerSecond: 1_000 })];
    const calls: Admitted[] = [];
    for (let index = 0; index < 4; index++) calls.push(await admit(gate, provider));
    expect(refusalOf(await enter(gate, provider, 20))).toBe('concurrency');
    await calls[0]?.settle(null);
    for (let index = 0; index < 5; index++) await admit(gate, provider);
  });

  async function fail(gate: PacedGate, provider: Provider, times: number): Promise<void> {
    for (let index = 0; index < times; index++) {
      const call = await admit(gate, provider);
      await call.settle(createFailure('transient'));
      offsetMs += 1_001;
    }
  }

  it('R15: asks an endpoint that keeps failing only now and then, and again at an answer', async () => {
    const [gate, other, provider] = [create({ random: () => 0 }), create(), describeProvider()];
    await fail(gate, provider, 5);
    expect(logged).toHaveLength(1);
    expect(refusalOf(await enter(gate, provider, 2_000))).toBe('breaker_open');
    expect(await enter(other, provider)).toMatchObject({ reason: 'breaker_open', retryAfterSeconds: 4 });
    offsetMs += 4_001;
    const probe = await admit(gate, provider);
    expect(refusalOf(await enter(other, provider))).toBe('breaker_open');
    await probe.settle('no_call');
    offsetMs += 5_001;
    const again = await admit(other, provider);
    await again.settle({ ...createFailure('final'), upstreamStatus: 400 });
    offsetMs += 1_001;
    await admit(gate, provider);
  });

  it('counts failures in a row only: a success between them forgets them', async () => {
    const [gate, provider] = [create(), describeProvider()];
    await fail(gate, provider, 4);
    await (await admit(gate, provider)).settle(null);
    offsetMs += 1_001;
    await fail(gate, provider, 4);
    expect((await enter(gate, provider, 2_000)).kind).toBe('admitted');
  });

  const throttled = { ...createFailure('throttled'), upstreamStatus: 429, retryAfterSeconds: 10_000 };
  const refused = createFailure('configuration', 'invalid_client');
  const settleAs = async (gate: PacedGate, provider: Provider, ref: string, end: CallEnd) => {
    connectionRef = ref;
    await (await admit(gate, provider, 3_000)).settle(end);
  };

  it('R7: makes no call for as long as the provider asks several connections, and opens no breaker for it', async () => {
    const [gate, other, provider] = [create(), create(), describeProvider()];
    await settleAs(gate, provider, 'a', throttled);
    expect(await enter(other, provider, 12_000)).toMatchObject({ reason: 'rate', retryAfterSeconds: 30 });
    offsetMs += 30_001;
    await settleAs(other, provider, 'b', throttled);
    offsetMs += 880_000;
    expect(await enter(gate, provider, 12_000)).toMatchObject({ reason: 'rate', retryAfterSeconds: 20 });
    offsetMs += 20_001;
    await admit(other, provider);
  });

  it('R7: holds others back for half a minute at most for what is said to one connection', async () => {
    const [gate, other, provider] = [create(), create(), describeProvider()];
    for (const ref of ['a', 'b']) {
      await settleAs(gate, provider, ref, throttled);
      await admit(other, describeProvider());
      offsetMs += 30_001;
      await settleAs(other, provider, 'served', null);
      offsetMs += 1_001;
    }
  });

  it('R9: stops for all Brokers when the client is refused, until the profile changes', async () => {
    const [gate, other, provider] = [create(), create(), describeProvider()];
    await settleAs(gate, provider, 'a', refused);
    await settleAs(gate, provider, 'b', refused);
    expect(logged).toHaveLength(2);
    expect(refusalOf(await enter(gate, provider, 2_000))).toBe('stopped');
    expect(refusalOf(await enter(other, provider, 2_000))).toBe('stopped');
    await admit(other, { ...provider, version: provider.version + 1 }, 3_000);
    offsetMs += 61_000;
    expect(refusalOf(await enter(gate, provider, 2_000))).toBe('stopped');
    offsetMs += 1_001;
    await settleAs(gate, provider, 'a', 'answered');
    expect(refusalOf(await enter(gate, provider, 2_000))).toBe('stopped');
    offsetMs += 61_000;
    await settleAs(gate, provider, 'a', null);
    offsetMs += 1_001;
    await admit(other, provider);
  });

  it('R9: stops nobody for one connection that is refused, however often', async () => {
    const [gate, provider] = [create(), describeProvider()];
    for (let round = 0; round < 3; round++) {
      await settleAs(gate, provider, `bad ${round}`, refused);
      offsetMs += 1_001;
      await settleAs(gate, provider, 'good', null);
      offsetMs += 1_001;
    }
  });

  it('R15: opens no breaker for answers that blame the request', async () => {
    const [gate, provider] = [create(), describeProvider()];
    const unknown = { ...createFailure('transient', 'token_revoked'), upstreamStatus: 400 };
    for (let call = 0; call < 6; call++) {
      await settleAs(gate, provider, `bad ${call}`, unknown);
      offsetMs += 1_001;
    }
    await admit(gate, provider);
  });

  it('leaves nothing to be freed by a Broker that dies in its calls', async () => {
    const [gate, other, provider] = [create(), create(), describeProvider()];
    await fail(gate, provider, 5);
    offsetMs += 10_001;
    await admit(gate, provider);
    offsetMs += 10_001;
    await (await admit(other, provider)).settle(null);
  });

  it('never rejects over a call that cannot be counted', async () => {
    const broken = { ...database, transaction: database.transaction };
    const [gate, provider] = [create({ database: broken }), describeProvider()];
    const call = await admit(gate, provider);
    broken.transaction = () => Promise.reject(new Error('no database'));
    await call.settle(createFailure('transient'));
    expect(logged).toHaveLength(1);
    await expect(enter(gate, provider, 500)).rejects.toThrow('no database');
  });
});
