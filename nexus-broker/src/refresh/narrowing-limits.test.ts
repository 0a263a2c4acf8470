import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '@nexus/core/clock';
import type { ScriptedAnswer, ScriptedRequest } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { defaultRefreshPolicy } from '../domain/profile-quirks.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { type Connected, context, createEngineRig, type EngineRig } from './engine-fixture.js';
import type { NarrowOutcome } from './narrow-outcome.js';
import type { RefreshEngine } from './refresh-engine.js';

describeEachDatabase('narrowing without end', (open, fixture) => {
  let rig: EngineRig;
  let engine: RefreshEngine;
  /** Another Broker at the same database. */
  let otherEngine: RefreshEngine;
  let offsetMs = 0;
  let startedMs = 0;
  /** Stands still, however long a test takes; the database's clock goes on. */
  const clock = { now: () => startedMs + offsetMs };

  beforeAll(async () => {
    rig = await createEngineRig(await open({ poolSize: 16, clockOffsetMs: () => offsetMs }));
  });
  beforeEach(() => {
    offsetMs = 0;
    startedMs = systemClock.now();
    // The longest pauses there are.
    engine = rig.createEngine(clock, { random: () => 1 });
    otherEngine = rig.createEngine(clock);
  });
  afterAll(() => rig.close());

  const refresh = async (by: RefreshEngine, { connection, provider }: Connected) =>
    by.refresh(await rig.read(connection.connectionRef), provider, context);
  const callsOf = ({ family }: Connected) => rig.authority.shown(family).length;
  const expired = () => ({ expiresAt: Math.floor(clock.now() / 1_000) - 1 });

  async function narrowOften(by: RefreshEngine, connected: Connected, times: number): Promise<NarrowOutcome[]> {
    const outcomes: NarrowOutcome[] = [];
    for (let done = 0; done < times; done++) outcomes.push(await rig.narrow(by, connected));
    return outcomes;
  }

  /** Lets the provider answer after `release`, from its next call on. */
  function holdAnswers(times: number): () => void {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const answer = async ({ form }: ScriptedRequest): Promise<ScriptedAnswer> => {
      await released;
      return rig.authority.answer(form);
    };
    rig.authority.upstream.enqueue('/token', ...Array.from({ length: times }, () => answer));
    return () => release();
  }

  it('R7: 429 with Retry-After is heeded by every Broker', async () => {
    const connected = await rig.connect();
    rig.authority.upstream.enqueue('/token', { status: 429, headers: { 'retry-after': '120' } });
    for (const by of [engine, otherEngine]) {
      for (const outcome of await narrowOften(by, connected, 10)) {
        expect(outcome).toEqual({ kind: 'failed', retryAfterSeconds: expect.any(Number) });
      }
    }
    expect(callsOf(connected)).toBe(1);
    offsetMs += 90_000;
    expect(await rig.narrow(otherEngine, connected)).toMatchObject({ kind: 'failed' });
    expect(callsOf(connected)).toBe(1);
    offsetMs += 31_000;
    expect(await rig.narrow(otherEngine, connected)).toMatchObject({ kind: 'narrowed' });
  });

  it('R7: what makes narrowings wait makes the renewal of an expired token wait as well', async () => {
    const connected = await rig.connect({}, expired());
    rig.authority.upstream.enqueue('/token', { status: 429, headers: { 'retry-after': '120' } });
    expect(await rig.narrow(engine, connected)).toEqual({ kind: 'failed', retryAfterSeconds: 120 });
    expect(await refresh(engine, connected)).toEqual({ kind: 'failed', retryAfterSeconds: expect.any(Number) });
    expect(callsOf(connected)).toBe(1);
    offsetMs += 121_000;
    expect(await refresh(engine, connected)).toEqual({ kind: 'refreshed' });
    expect(await rig.narrow(otherEngine, connected)).toMatchObject({ kind: 'narrowed' });
    expect(callsOf(connected)).toBe(3);
  });

  it('a refresh that was told to wait makes narrowings wait as well', async () => {
    const connected = await rig.connect();
    rig.authority.upstream.enqueue('/token', { status: 503, headers: { 'retry-after': '60' } });
    expect(await refresh(engine, connected)).toEqual({ kind: 'failed', retryAfterSeconds: 60 });
    expect(await rig.narrow(otherEngine, connected)).toMatchObject({ kind: 'failed' });
    expect(callsOf(connected)).toBe(1);
  });

  it('a refresh token whose answer was lost is shown once more, and then with pauses', async () => {
    const connected = await rig.connect();
    const lost: ScriptedAnswer = { drop: 'before' };
    rig.authority.upstream.enqueue('/token', lost, lost);
    await narrowOften(engine, connected, 2);
    expect(callsOf(connected)).toBe(2);
    for (const by of [engine, otherEngine]) await narrowOften(by, connected, 5);
    expect(callsOf(connected)).toBe(2);
    offsetMs += 3_000;
    expect(await rig.narrow(engine, connected)).toMatchObject({ kind: 'narrowed' });
    expect(rig.authority.ended).toEqual(new Set());
  });

  it('and waits out the token where the provider may end it with the grant, also after its Broker died', async () => {
    const strict = { refresh: { ...defaultRefreshPolicy, rotation: 'strict' } } as const;
    const silent = await rig.connect(strict);
    rig.authority.upstream.enqueue('/token', { drop: 'before' });
    await narrowOften(engine, silent, 3);
    const connected = await rig.connect(strict);
    const release = holdAnswers(1);
    const dying = rig.narrow(engine, connected).catch(() => null);
    while (callsOf(connected) === 0) await sleep(5);
    await rig.database.transaction(({ connections }) => connections.clearRefreshLeases());
    for (const each of [silent, connected]) {
      expect(await rig.narrow(otherEngine, each)).toEqual({ kind: 'failed', retryAfterSeconds: 900 });
      expect(await refresh(otherEngine, each)).toEqual({ kind: 'still_fresh' });
      expect(callsOf(each)).toBe(1);
    }
    release();
    await dying;
  });

  it('every failure in a row doubles the pause, up to five minutes', async () => {
    const connected = await rig.connect();
    const pauses: unknown[] = [];
    for (let failures = 0; failures < 10; failures++) {
      rig.authority.upstream.enqueue('/token', { status: 503 });
      const outcome = await rig.narrow(engine, connected);
      pauses.push(outcome.kind === 'failed' ? outcome.retryAfterSeconds : outcome.kind);
      offsetMs += 301_000;
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
    rig.authority.rotates = false;
    expect(await rig.narrow(engine, connected)).toMatchObject({ kind: 'narrowed' });
    rig.authority.rotates = true;
    rig.authority.upstream.enqueue('/token', { status: 503 });
    expect(await rig.narrow(engine, connected)).toEqual({ kind: 'failed', retryAfterSeconds: 1 });
  });

  it('thirty new sessions in a second have five tokens minted, and the next one five seconds later', async () => {
    const [connected, other] = [await rig.connect({}, expired()), await rig.connect()];
    const kinds = (await narrowOften(engine, connected, 30)).map(({ kind }) => kind);
    expect(kinds).toEqual([...Array(5).fill('narrowed'), ...Array(25).fill('failed')]);
    expect(await rig.narrow(engine, connected)).toEqual({ kind: 'failed', retryAfterSeconds: expect.any(Number) });
    expect(callsOf(connected)).toBe(5);
    expect(await rig.narrow(engine, other)).toMatchObject({ kind: 'narrowed' });
    expect(await refresh(engine, connected)).toEqual({ kind: 'refreshed' });
    offsetMs += 5_000;
    expect((await narrowOften(engine, connected, 2)).map(({ kind }) => kind)).toEqual(['narrowed', 'failed']);
  });

  it('a connection without a refresh token has nothing to be spared', async () => {
    const connected = await rig.connect({}, { refreshToken: null });
    const outcomes = await narrowOften(engine, connected, 10);
    expect(outcomes).toEqual(outcomes.map(() => ({ kind: 'cannot_narrow' })));
  });

  it('a refresh comes before the narrowings that wait already', async () => {
    const connected = await rig.connect({}, expired());
    const release = holdAnswers(1);
    const narrowings = [rig.narrow(engine, connected)];
    while (callsOf(connected) === 0) await sleep(5);
    narrowings.push(...Array.from({ length: 3 }, () => rig.narrow(engine, connected)));
    const refreshing = [refresh(engine, connected), refresh(engine, connected)];
    await sleep(50);
    release();
    expect(await Promise.all(refreshing)).toEqual([{ kind: 'refreshed' }, { kind: 'refreshed' }]);
    for (const outcome of await Promise.all(narrowings)) expect(outcome).toMatchObject({ kind: 'narrowed' });
    const calls = rig.authority.upstream.requests('/token').slice(-5);
    expect(calls.map(({ form }) => form.get('scope'))).toEqual(['read', null, 'read', 'read', 'read']);
  });

  // SQLite is never shared.
  if (fixture.engine === 'postgres')
    it('a refresh at another Broker gets its turn among them', async () => {
      const connected = await rig.connect({}, expired());
      const greedy = rig.createEngine(clock, { narrowing: { burst: 1_000, waiters: { perKey: 20, total: 20 } } });
      let isOver = false;
      const { upstream } = rig.authority;
      upstream.answer('/token', ({ form }) => ({ ...rig.authority.answer(form), delayMs: 150 }));
      const loops = Array.from({ length: 10 }, async () => {
        while (!isOver) await rig.narrow(greedy, connected);
      });
      try {
        while (callsOf(connected) === 0) await sleep(5);
        expect(await refresh(otherEngine, connected)).toEqual({ kind: 'refreshed' });
        expect(callsOf(connected)).toBeLessThanOrEqual(6);
      } finally {
        isOver = true;
        await Promise.all(loops);
      }
      upstream.answer('/token', ({ form }) => rig.authority.answer(form));
    });

  describe('while a provider is slow', () => {
    const tooMany = expect.objectContaining({ code: 'rate_limited', retryAfter: expect.any(Number) });

    it('eight of a connection may wait, others are told to come back', async () => {
      const connected = await rig.connect();
      const release = holdAnswers(1);
      const waiting = Array.from({ length: 8 }, () => rig.narrow(engine, connected));
      await expect(rig.narrow(engine, connected)).rejects.toEqual(tooMany);
      const other = await rig.connect();
      const otherWaits = rig.narrow(engine, other);
      release();
      await Promise.all([...waiting, otherWaits]);
      expect(await rig.narrow(engine, other)).toMatchObject({ kind: 'narrowed' });
    });

    it('thirty-two in all', async () => {
      const connections = await Promise.all(Array.from({ length: 5 }, () => rig.connect()));
      const release = holdAnswers(5);
      const [last, ...slow] = connections as [Connected, ...Connected[]];
      const waiting = slow.flatMap((each) => Array.from({ length: 8 }, () => rig.narrow(engine, each)));
      await expect(rig.narrow(engine, last)).rejects.toEqual(tooMany);
      release();
      await Promise.all(waiting);
      expect(await rig.narrow(engine, last)).toMatchObject({ kind: 'narrowed' });
    });
  });
});
