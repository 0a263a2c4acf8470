import { systemClock } from '@nexus/core/clock';
import type { ScriptedAnswer, ScriptedRequest } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { defaultRefreshPolicy, type RefreshPolicy } from '../domain/profile-quirks.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { type Connected, context, createEngineRig, type EngineRig } from './engine-fixture.js';
import type { RefreshEngine } from './refresh-engine.js';

describeEachDatabase('a refresh token in doubt', (open, fixture) => {
  let url: string;
  let rig: EngineRig;
  let engine: RefreshEngine;
  let otherEngine: RefreshEngine;
  let offsetMs = 0;
  const clock = { now: () => systemClock.now() + offsetMs };
  const lost: ScriptedAnswer = { drop: 'before' };
  const expired = () => ({ expiresAt: Math.floor(clock.now() / 1_000) - 1 });

  beforeAll(async () => {
    url = await fixture.createUrl();
    rig = await createEngineRig(await open({ url, poolSize: 16, clockOffsetMs: () => offsetMs }));
  });
  beforeEach(() => {
    offsetMs = 0;
    engine = rig.createEngine(clock, { random: () => 1 });
    otherEngine = rig.createEngine(clock, { random: () => 1 });
  });
  afterAll(() => rig.close());

  const connect = (refresh: Partial<RefreshPolicy> = {}, credential = {}) =>
    rig.connect({ refresh: { ...defaultRefreshPolicy, ...refresh } }, credential);
  const refresh = async (by: RefreshEngine, { connection, provider }: Connected) =>
    by.refresh(await rig.read(connection.connectionRef), provider, context);
  const callsOf = ({ family }: Connected) => rig.authority.shown(family).length;
  const script = (...answers: ScriptedAnswer[]) => rig.authority.upstream.enqueue('/token', ...answers);
  const statusOf = async ({ connection }: Connected) => {
    const { status, reason } = await rig.read(connection.connectionRef);
    return { status, reason };
  };
  const outcomesOf = async ({ connection }: Connected) =>
    (await rig.entries(connection.connectionRef)).map((entry) => {
      const data = entry['data'] as { intent_id?: string; cause?: string };
      return { type: entry['event_type'], intent: data.intent_id, cause: data.cause };
    });

  /** The provider acts on the call and its answer never arrives. */
  const actAndDrop = ({ form }: ScriptedRequest): ScriptedAnswer => {
    rig.authority.answer(form);
    return lost;
  };

  /** As the row of a Broker that died once its provider had answered, at the one that owns the database or another. */
  async function die({ connection, family }: Connected, isAnswered: boolean, freesLease = true): Promise<void> {
    await rig.database.transaction(async ({ connections }) => {
      await connections.claimRefreshLease({
        connectionRef: connection.connectionRef,
        expectedVersion: connection.version,
        owner: 'dead',
        leaseSeconds: 30,
        intent: { intentId: `intent-${family}`, countsAsCall: true, nextAttemptInSeconds: null, failures: 0 },
      });
      if (freesLease) await connections.clearRefreshLeases();
    });
    if (isAnswered) rig.authority.answer(new URLSearchParams({ refresh_token: `rt-${family}-0` }));
  }

  it('R4: its rotation lost in a crash is told from a revocation, and the log says which call it was', async () => {
    const connected = await connect({ rotation: 'strict' }, expired());
    await die(connected, true);
    expect(await refresh(engine, connected)).toEqual({ kind: 'attention' });
    expect(await statusOf(connected)).toEqual({ status: 'attention', reason: 'lost_rotation' });
    const intent = `intent-${connected.family}`;
    const [orphan, ended, ...others] = await outcomesOf(connected);
    expect(orphan).toEqual({ type: 'token.refresh_in_doubt', intent, cause: 'no_outcome' });
    expect(ended).toMatchObject({ type: 'connection.attention', intent: expect.any(String) });
    expect(ended?.intent).not.toBe(intent);
    expect(others).toEqual([]);
  });

  it('R4: at a provider that still takes it, it is renewed at once, though the token lives and was called for', async () => {
    for (const policy of [{}, { rotation: 'strict', graceSeconds: 60 }] as const) {
      const connected = await connect(policy);
      await die(connected, false);
      expect(await refresh(engine, connected)).toEqual({ kind: 'refreshed' });
      expect(await refresh(engine, connected)).toEqual({ kind: 'still_fresh' });
      expect(callsOf(connected)).toBe(1);
    }
  });

  it('R11: the lease of a Broker that died is waited out by others, and taken over then', async () => {
    const connected = await connect({}, expired());
    await die(connected, false, false);
    offsetMs = 28_000;
    const claiming = refresh(engine, connected);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(callsOf(connected)).toBe(0);
    offsetMs = 30_500;
    expect(await claiming).toEqual({ kind: 'refreshed' });
    expect((await outcomesOf(connected)).map(({ type }) => type)).toEqual([
      'token.refresh_in_doubt',
      'token.refreshed',
    ]);
  });

  it('is not shown to a strict provider again while its access token has a minute to live', async () => {
    const connected = await connect({ rotation: 'strict' }, { expiresAt: Math.floor(clock.now() / 1_000) + 120 });
    script(lost);
    expect(await refresh(engine, connected)).toEqual({ kind: 'still_fresh' });
    offsetMs = 40_000;
    expect(await refresh(otherEngine, connected)).toEqual({ kind: 'still_fresh' });
    expect(callsOf(connected)).toBe(1);
    offsetMs = 65_000;
    expect(await refresh(otherEngine, connected)).toEqual({ kind: 'refreshed' });
    expect(callsOf(connected)).toBe(2);
  });

  it('R4: is within its grace period only as long after it was first shown, however often that was tried since', async () => {
    const connected = await connect({ rotation: 'strict', graceSeconds: 60 });
    rig.authority.upstream.enqueue('/token', actAndDrop, lost);
    expect(await refresh(engine, connected)).toMatchObject({ kind: 'failed' });
    offsetMs = 40_000;
    script(lost);
    expect(await refresh(engine, connected)).toMatchObject({ kind: 'failed' });
    expect(callsOf(connected)).toBe(3);
    offsetMs = 85_000;
    expect(await refresh(otherEngine, connected)).toEqual({ kind: 'still_fresh' });
    expect(callsOf(connected)).toBe(3);
    expect(rig.authority.ended.has(connected.family)).toBe(false);
  });

  it('R12, R23: is shown once more after a lost answer, by whoever asks, and then only with pauses', async () => {
    const connected = await connect({}, expired());
    script(lost, lost);
    expect(await refresh(engine, connected)).toEqual({ kind: 'failed', retryAfterSeconds: 2 });
    expect(await refresh(otherEngine, connected)).toEqual({ kind: 'failed', retryAfterSeconds: 2 });
    expect(callsOf(connected)).toBe(2);
    offsetMs = 2_100;
    expect(await refresh(otherEngine, connected)).toEqual({ kind: 'refreshed' });
    const outcomes = await outcomesOf(connected);
    const types = ['token.refresh_in_doubt', 'token.refresh_in_doubt', 'token.refreshed'];
    expect(outcomes.map(({ type }) => type)).toEqual(types);
    expect(new Set(outcomes.map(({ intent }) => intent)).size).toBe(3);
  });

  it('stays so through answers that say nothing of it', async () => {
    const connected = await connect({}, expired());
    rig.authority.upstream.enqueue('/token', actAndDrop, { status: 503 });
    expect(await refresh(engine, connected)).toMatchObject({ kind: 'failed' });
    offsetMs = 5_000;
    expect(await refresh(engine, connected)).toEqual({ kind: 'attention' });
    expect(await statusOf(connected)).toEqual({ status: 'attention', reason: 'lost_rotation' });
  });

  it('R22: a success that grants nothing usable leaves it so, and is not asked for again at once', async () => {
    const connected = await connect({}, expired());
    rig.authority.upstream.enqueue('/token', ({ form }) => {
      rig.authority.answer(form);
      return { body: { refresh_token: 'x' } };
    });
    expect(await refresh(engine, connected)).toEqual({ kind: 'failed', retryAfterSeconds: 1 });
    offsetMs = 1_100;
    expect(await refresh(engine, connected)).toEqual({ kind: 'attention' });
    expect(await statusOf(connected)).toEqual({ status: 'attention', reason: 'lost_rotation' });
  });

  it('a refusal means a revocation where nothing was in doubt, or nothing rotates', async () => {
    const plain = await connect({}, expired());
    const constant = await connect({ rotation: 'never' }, expired());
    await die(constant, false);
    for (const connected of [plain, constant]) {
      script({ status: 400, body: { error: 'invalid_grant' } });
      expect(await refresh(engine, connected)).toEqual({ kind: 'attention' });
      expect(await statusOf(connected)).toEqual({ status: 'attention', reason: 'grant_revoked' });
    }
  });

  it('R23: is not what a lost answer of discovery leaves behind, for it was not shown', async () => {
    const { upstream } = rig.authority;
    const connected = await rig.connect(
      {
        refresh: { ...defaultRefreshPolicy, rotation: 'strict' },
        issuer: upstream.origin,
        enableDiscovery: true,
        tokenUrl: null,
        authUrl: null,
      },
      expired(),
    );
    for (const answer of [lost, { drop: 'midway', body: 'x'.repeat(500) } as const]) {
      offsetMs += 60_000;
      upstream.answer('/.well-known/openid-configuration', answer);
      expect(await refresh(engine, connected)).toMatchObject({ kind: 'failed' });
      const state = await rig.database.stores.connections.findAttemptState(connected.connection.connectionRef);
      expect(state).toMatchObject({ intentId: null });
    }
    const types = (await outcomesOf(connected)).map(({ type }) => type);
    expect(types).toEqual(['token.refresh_failed', 'token.refresh_failed']);
    expect(callsOf(connected)).toBe(0);
  });

  it('a success ends the doubt', async () => {
    const connected = await connect({}, expired());
    script(lost);
    expect(await refresh(engine, connected)).toEqual({ kind: 'refreshed' });
    offsetMs = 3_700_000;
    script({ status: 400, body: { error: 'invalid_grant' } });
    expect(await refresh(engine, connected)).toEqual({ kind: 'attention' });
    expect(await statusOf(connected)).toEqual({ status: 'attention', reason: 'grant_revoked' });
  });
});
