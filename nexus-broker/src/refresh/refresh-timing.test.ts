import { systemClock } from '@nexus/core/clock';
import { startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { defaultRefreshPolicy, type RefreshPolicy } from '../domain/profile-quirks.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { type Connected, context, createEngineRig, type EngineRig } from './engine-fixture.js';
import type { RefreshEngine } from './refresh-engine.js';

describeEachDatabase('refreshes at a provider with terms of its own', (open) => {
  let rig: EngineRig;
  let engine: RefreshEngine;
  let offsetMs = 0;
  const clock = { now: () => systemClock.now() + offsetMs };

  beforeAll(async () => {
    rig = await createEngineRig(await open({ poolSize: 16, clockOffsetMs: () => offsetMs }));
  });
  beforeEach(() => {
    offsetMs = 0;
    engine = rig.createEngine(clock);
  });
  afterAll(() => rig.close());

  const now = () => Math.floor(clock.now() / 1_000);
  const policy = (changes: Partial<RefreshPolicy>) => ({ refresh: { ...defaultRefreshPolicy, ...changes } });
  const force = async ({ connection, provider }: Connected) =>
    engine.refresh(await rig.read(connection.connectionRef), provider, context);
  const callsOf = ({ family }: Connected) => rig.authority.shown(family).length;
  const statusOf = async ({ connection }: Connected) => {
    const { status, reason } = await rig.read(connection.connectionRef);
    return reason === null ? status : `${status} (${reason})`;
  };

  it('are not asked for before the provider accepts them, however they are forced', async () => {
    const connected = await rig.connect(policy({ earliestSeconds: 30 }));
    expect(await force(connected)).toEqual({ kind: 'still_fresh' });
    offsetMs = 3_500_000;
    expect(await force(connected)).toEqual({ kind: 'still_fresh' });
    expect(callsOf(connected)).toBe(0);
    offsetMs = 3_580_000;
    expect(await force(connected)).toEqual({ kind: 'refreshed' });
  });

  it('are not asked for a token that is too young, unless it has expired', async () => {
    const terms = policy({ minAgeSeconds: 1_000 });
    const connected = await rig.connect(terms);
    offsetMs = 1_100_000;
    expect(await force(connected)).toEqual({ kind: 'refreshed' });
    expect(await force(connected)).toEqual({ kind: 'still_fresh' });
    expect(callsOf(connected)).toBe(1);
    offsetMs = 2_200_000;
    expect(await force(connected)).toEqual({ kind: 'refreshed' });
    const expired = await rig.connect(terms, { expiresAt: now() - 1 });
    expect(await force(expired)).toEqual({ kind: 'refreshed' });
  });

  it('are due at the margin that the profile names', async () => {
    const connected = await rig.connect(policy({ marginSeconds: 900 }), { expiresAt: now() + 5 });
    await force(connected);
    const { refreshAfter, accessExpiresAt } = await rig.read(connected.connection.connectionRef);
    expect(refreshAfter).toBe(((accessExpiresAt ?? 0) - 900) * 1_000);
  });

  it('are never tried where none is supported any more: the token serves to its end', async () => {
    const connected = await rig.connect(policy({ isSupported: false }));
    expect(await force(connected)).toEqual({ kind: 'still_fresh' });
    expect(await statusOf(connected)).toBe('active');
    offsetMs = 3_700_000;
    expect(await force(connected)).toEqual({ kind: 'attention' });
    expect(await statusOf(connected)).toBe('attention (expired)');
    expect(callsOf(connected)).toBe(0);
  });

  it('end with the refresh token: nothing is asked after that, and the reason is told', async () => {
    const terms = policy({ absoluteLifetimeSeconds: 86_400 });
    const living = await rig.connect(terms, { consentedAt: now() - 90_000 });
    expect(await force(living)).toEqual({ kind: 'still_fresh' });
    expect(await statusOf(living)).toBe('active');
    offsetMs = 3_700_000;
    expect(await force(living)).toEqual({ kind: 'attention' });
    expect(await statusOf(living)).toBe('attention (expired)');
    expect(callsOf(living)).toBe(0);
    const consentedAt = now() - 1_000;
    const young = await rig.connect(terms, { consentedAt, expiresAt: now() - 1 });
    expect(await force(young)).toEqual({ kind: 'refreshed' });
    const kept = await rig.open(await rig.read(young.connection.connectionRef));
    expect(kept.consentedAt).toBe(consentedAt);
  });

  it('keep what a credential may be sent to, and go there', async () => {
    const { upstream } = rig.authority;
    await using elsewhere = await startScriptedProvider();
    elsewhere.answer('/renew', { body: { access_token: 'fixture-renewed', expires_in: 60 } });
    const origins = [upstream.origin, elsewhere.origin];
    const terms = { refreshUrl: elsewhere.url('/renew') };
    const connected = await rig.connect(terms, { origins, expiresAt: now() - 1 });
    expect(await force(connected)).toEqual({ kind: 'refreshed' });
    const kept = await rig.open(await rig.read(connected.connection.connectionRef));
    expect(kept).toMatchObject({ origins, accessToken: 'fixture-renewed' });
    const moved = await rig.connect({ refreshUrl: 'https://127.0.0.3:1/renew' }, { origins, expiresAt: now() - 1 });
    expect(await force(moved)).toEqual({ kind: 'attention' });
    expect(await statusOf(moved)).toBe('attention (origin_changed)');
    expect(callsOf(moved)).toBe(0);
  });
});
