import { systemClock } from '@nexus/core/clock';
import type { ScriptedAnswer } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { backoffSeconds, callTimeoutMs, leaseSeconds, minLeaseLeftMs } from './attempt-pace.js';
import type { CallGate } from './call-gate.js';
import { type Connected, context, createEngineRig, type EngineRig } from './engine-fixture.js';
import type { RefreshEngine } from './refresh-engine.js';

describeEachDatabase('the pace of refreshes', (open) => {
  let rig: EngineRig;
  let engine: RefreshEngine;
  let otherEngine: RefreshEngine;
  let offsetMs = 0;
  const clock = { now: () => systemClock.now() + offsetMs };
  const expired = () => ({ expiresAt: Math.floor(clock.now() / 1_000) - 1 });

  beforeAll(async () => {
    rig = await createEngineRig(await open({ poolSize: 16, clockOffsetMs: () => offsetMs }));
  });
  beforeEach(() => {
    offsetMs = 0;
    engine = rig.createEngine(clock, { random: () => 1 });
    otherEngine = rig.createEngine(clock, { random: () => 1 });
  });
  afterAll(() => rig.close());

  const refresh = async (by: RefreshEngine, { connection, provider }: Connected) =>
    by.refresh(await rig.read(connection.connectionRef), provider, context);
  const callsOf = ({ family }: Connected) => rig.authority.shown(family).length;
  const script = (...answers: ScriptedAnswer[]) => rig.authority.upstream.enqueue('/token', ...answers);

  it.each([
    ['seconds', () => '120', 120],
    ['a date', () => new Date(clock.now() + 120_000).toUTCString(), 120],
    ['an absurd time', () => '999999999999', 900],
  ])(
    'R7: 429 with Retry-After as %s is waited out by every Broker, though the token has expired',
    async (_form, say, seconds) => {
      const connected = await rig.connect({}, expired());
      script({ status: 429, headers: { 'retry-after': say() } });
      expect(await refresh(engine, connected)).toMatchObject({ kind: 'failed' });
      offsetMs = (seconds - 5) * 1_000;
      for (const by of [engine, otherEngine]) {
        const outcome = await refresh(by, connected);
        expect(outcome).toEqual({ kind: 'failed', retryAfterSeconds: expect.any(Number) });
        if (outcome.kind === 'failed') expect(outcome.retryAfterSeconds).toBeLessThanOrEqual(6);
      }
      expect(callsOf(connected)).toBe(1);
      offsetMs = (seconds + 1) * 1_000;
      expect(await refresh(otherEngine, connected)).toEqual({ kind: 'refreshed' });
      expect(await rig.read(connected.connection.connectionRef)).toMatchObject({ status: 'active' });
    },
  );

  it('R19: a living token is renewed once in thirty seconds, over all Brokers and however often it is forced', async () => {
    const connected = await rig.connect();
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, i) => refresh(i % 2 ? engine : otherEngine, connected)),
    );
    expect(outcomes.filter(({ kind }) => kind === 'failed')).toEqual([]);
    offsetMs = 29_000;
    for (const by of [engine, otherEngine, rig.createEngine(clock)]) {
      expect(await refresh(by, connected)).toEqual({ kind: 'still_fresh' });
    }
    expect(callsOf(connected)).toBe(1);
    offsetMs = 31_000;
    expect(await refresh(otherEngine, connected)).toEqual({ kind: 'refreshed' });
  });

  it('R8: failures in a row are tried again ever more rarely, and change nothing', async () => {
    const connected = await rig.connect({}, expired());
    const pauses: unknown[] = [];
    for (let failures = 0; failures < 4; failures++) {
      script({ status: 503, body: { error: 'invalid_grant' } });
      const outcome = await refresh(engine, connected);
      pauses.push(outcome.kind === 'failed' ? outcome.retryAfterSeconds : outcome.kind);
      offsetMs += 10_000;
    }
    expect(pauses).toEqual([1, 2, 4, 8]);
    expect(await rig.read(connected.connection.connectionRef)).toMatchObject({ status: 'active', version: 1 });
    expect(await refresh(engine, connected)).toEqual({ kind: 'refreshed' });
  });

  it('R9: a refused client is not held against the connection, which waits two minutes', async () => {
    const connected = await rig.connect({}, expired());
    script({ status: 401, body: { error: 'invalid_client' } });
    expect(await refresh(engine, connected)).toEqual({ kind: 'failed', retryAfterSeconds: 120 });
    const state = await rig.database.stores.connections.findAttemptState(connected.connection.connectionRef);
    expect(state).toMatchObject({ status: 'active', failures: 0, wasToldToWait: true, intentId: null });
  });

  it('R12: a call ends within its deadline, and none begins with too little of the lease left', async () => {
    const hurried = rig.createEngine(clock, { callTimeoutMs: 100, random: () => 1 });
    const slow = await rig.connect({}, expired());
    script({ delayMs: 1_000 }, { delayMs: 1_000 });
    expect(await refresh(hurried, slow)).toEqual({ kind: 'failed', retryAfterSeconds: 2 });
    expect(callsOf(slow)).toBe(2);
    let elapsedMs = 0;
    const stalled = rig.createEngine(clock, { monotonicMs: () => (elapsedMs += 16_000) });
    const late = await rig.connect({}, expired());
    expect(await refresh(stalled, late)).toEqual({ kind: 'failed', retryAfterSeconds: null });
    expect(callsOf(late)).toBe(0);
    expect(await refresh(engine, late)).toEqual({ kind: 'refreshed' });
  });

  it('R13: who waits for a lease is as patient as before when the clock of the database jumps ahead', async () => {
    const connected = await rig.connect({}, expired());
    const { connectionRef, version } = connected.connection;
    await rig.database.transaction(({ connections }) =>
      connections.claimRefreshLease({
        connectionRef,
        expectedVersion: version,
        owner: 'other',
        leaseSeconds: 30,
        intent: null,
      }),
    );
    let looks = 0;
    const jumping = rig.createEngine({ now: () => systemClock.now() + 60_000 * looks++ });
    const claiming = refresh(jumping, connected);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const release = { connectionRef, owner: 'other', nextAttemptInSeconds: null, failures: 'keep' } as const;
    await rig.database.transaction(({ connections }) =>
      connections.releaseRefreshLease({ ...release, intent: 'cleared' }),
    );
    expect(await claiming).toEqual({ kind: 'refreshed' });
  });

  it('R4: what the gate writes down holds up neither the new tokens nor whoever waits for them', async () => {
    const ends: unknown[] = [];
    const settle = (end: unknown) => {
      ends.push(end);
      return new Promise<void>(() => undefined);
    };
    const gated = rig.createEngine(clock, { gate: { enter: async () => ({ kind: 'admitted', settle }) } });
    const connected = await rig.connect({}, expired());
    expect(await refresh(gated, connected)).toEqual({ kind: 'refreshed' });
    expect(await rig.read(connected.connection.connectionRef)).toMatchObject({ version: 2 });
    const narrowed = await rig.narrow(gated, await rig.connect());
    expect(narrowed).toMatchObject({ kind: 'narrowed' });
    expect(ends).toEqual([null, null]);
  });

  it('asks no provider for its endpoints only to see whether it moved', async () => {
    const { upstream } = rig.authority;
    const wellKnown = '/.well-known/openid-configuration';
    let isOpen = true;
    const gate: CallGate = {
      enter: async () =>
        isOpen
          ? { kind: 'admitted', settle: async () => undefined }
          : { kind: 'refused', reason: 'breaker_open', retryAfterSeconds: 7 },
    };
    const gated = rig.createEngine(clock, { gate, random: () => 1 });
    const discovers = { issuer: upstream.origin, enableDiscovery: true, tokenUrl: null, authUrl: null };
    const connected = await rig.connect(discovers, expired());
    upstream.answer(wellKnown, { status: 503 });
    isOpen = false;
    for (let call = 0; call < 5; call++) {
      expect(await refresh(gated, connected)).toEqual({ kind: 'failed', retryAfterSeconds: 7 });
      offsetMs += 40_000;
    }
    expect(upstream.requests(wellKnown)).toHaveLength(0);
    isOpen = true;
    for (let call = 0; call < 5; call++) await refresh(gated, connected);
    expect(upstream.requests(wellKnown)).toHaveLength(1);
  });

  it('asks the gate before each call and tells it once how the call ended', async () => {
    const told: unknown[] = [];
    const asked: number[] = [];
    let isOpen = true;
    const gate: CallGate = {
      enter: async ({ patienceMs }) => {
        asked.push(patienceMs);
        if (!isOpen) return { kind: 'refused', reason: 'breaker_open', retryAfterSeconds: 7 };
        return {
          kind: 'admitted',
          settle: async (failure) =>
            void told.push(failure === null || typeof failure === 'string' ? failure : failure.class),
        };
      },
    };
    const gated = rig.createEngine(clock, { gate, random: () => 1 });
    const connected = await rig.connect({}, expired());
    script({ status: 503 });
    await refresh(gated, connected);
    offsetMs = 2_000;
    isOpen = false;
    expect(await refresh(gated, connected)).toEqual({ kind: 'failed', retryAfterSeconds: 7 });
    const row = await rig.read(connected.connection.connectionRef);
    expect(await gated.refresh(row, connected.provider, context, 'background')).toMatchObject({ kind: 'failed' });
    expect(callsOf(connected)).toBe(1);
    isOpen = true;
    await refresh(gated, connected);
    const narrowing = await rig.connect();
    script({ status: 400, body: { error: 'unauthorized_client' } });
    await rig.narrow(gated, narrowing);
    expect(told).toEqual(['transient', null, 'answered']);
    expect(asked[0]).toBeGreaterThan(11_000);
    expect(asked[2]).toBeLessThanOrEqual(1_000);
  });
});

describe('the constants of refreshing', () => {
  it('R12: a call that is begun ends before its lease, whenever it is begun', () => {
    expect(callTimeoutMs).toBeLessThan(minLeaseLeftMs);
    expect(minLeaseLeftMs).toBeLessThan(leaseSeconds * 1_000);
  });

  it('R14: pauses are spread over their whole length and end at five minutes', () => {
    expect([0, 1, 8, 9, 60].map((failures) => backoffSeconds(failures, () => 1))).toEqual([1, 2, 256, 300, 300]);
    expect(backoffSeconds(9, () => 0)).toBe(0);
  });
});
