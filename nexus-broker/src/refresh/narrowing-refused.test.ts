import type { ScriptedAnswer } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DownscopeMethod } from '../domain/provider.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { type Connected, context, createEngineRig, type EngineRig } from './engine-fixture.js';
import type { RefreshEngine } from './refresh-engine.js';

const both = ['refresh', 'token_exchange'] as const;

function refuse(error: string, status = 400): ScriptedAnswer {
  return { status, body: { error, error_description: 'secret text' } };
}

describeEachDatabase('a provider that mints nothing', (open, fixture) => {
  let url: string;
  let rig: EngineRig;
  let engine: RefreshEngine;
  let offsetMs = 0;

  beforeAll(async () => {
    url = await fixture.createUrl();
    rig = await createEngineRig(await open({ url, clockOffsetMs: () => offsetMs }));
    engine = rig.createEngine({ now: () => Date.now() + offsetMs }, { random: () => 0.999 });
  });
  afterAll(() => rig.close());

  async function narrowAt(answer: ScriptedAnswer, downscope: DownscopeMethod) {
    const connected = await rig.connect({ downscope });
    rig.authority.upstream.enqueue('/token', answer);
    const outcome = await rig.narrow(engine, connected, () => {
      throw new Error('it was stored');
    });
    const { status, reason, version } = await rig.read(connected.connection.connectionRef);
    const [row] = await fixture.runSql(
      url,
      `select lease_owner from connection where connection_ref = '${connected.connection.connectionRef}'`,
    );
    expect(row?.['lease_owner']).toBeNull();
    const entries = await rig.entries(connected.connection.connectionRef);
    expect(JSON.stringify(entries)).not.toMatch(/secret text|\b[ar]t-/);
    return { outcome, status, reason, version, entries, connected };
  }

  async function expectUsable(connected: Connected, pauseSeconds = 0): Promise<void> {
    offsetMs += pauseSeconds * 1_000;
    expect(await rig.narrow(engine, connected)).toMatchObject({ kind: 'narrowed' });
    expect(
      await engine.refresh(await rig.read(connected.connection.connectionRef), connected.provider, context),
    ).toEqual({ kind: 'refreshed' });
  }

  it.each<readonly [string, ScriptedAnswer, readonly DownscopeMethod[]]>([
    ['invalid_scope', refuse('invalid_scope'), both],
    ['unauthorized_client', refuse('unauthorized_client', 401), both],
    ['unsupported_grant_type', refuse('unsupported_grant_type'), both],
    ['invalid_target', refuse('invalid_target'), both],
    ['access_denied', refuse('access_denied', 403), both],
    ['invalid_scope with 200', refuse('invalid_scope', 200), both],
    ['invalid_request', refuse('invalid_request'), ['token_exchange']],
  ])('%s means that it cannot narrow, and harms nothing', async (_case, answer, methods) => {
    for (const via of methods) {
      const { connected, entries, ...result } = await narrowAt(answer, via);
      const outcome = { kind: 'cannot_narrow' };
      expect(result).toEqual({ outcome, status: 'active', reason: null, version: 1 });
      const data = { scopes: [], via, upstream_error: expect.any(String), intent_id: expect.any(String) };
      expect(entries).toMatchObject([{ event_type: 'token.narrowed', outcome: 'failure', data }]);
      await expectUsable(connected);
    }
  });

  it.each<readonly [string, ScriptedAnswer, number | null, string]>([
    ['503', { status: 503, body: { error: 'invalid_scope' }, headers: { 'retry-after': '7' } }, 7, 'transient'],
    ['429', { status: 429, body: { error: 'invalid_scope' }, headers: { 'retry-after': '9' } }, 9, 'throttled'],
    ['503 that will not wait', { status: 503, headers: { 'retry-after': '0' } }, 1, 'transient'],
    ['429 for ever', { status: 429, headers: { 'retry-after': '99999999' } }, 900, 'throttled'],
    ['invalid_client', refuse('invalid_client', 401), 120, 'configuration'],
    ['an answer without a token', { body: { scope: 'read' } }, 1, 'transient'],
  ])('%s is worth another try, after a while', async (_case, answer, retryAfterSeconds, failureClass) => {
    for (const via of both) {
      const { outcome, status, entries, connected } = await narrowAt(answer, via);
      expect(outcome).toEqual({ kind: 'failed', retryAfterSeconds });
      expect(status).toBe('active');
      expect(entries).toMatchObject([{ event_type: 'token.refresh_failed', data: { class: failureClass } }]);
      await expectUsable(connected, retryAfterSeconds ?? 0);
    }
  });

  it('silence leaves the refresh token that was shown in doubt, which may be shown again at once', async () => {
    const silent = await narrowAt({ drop: 'before' }, 'refresh');
    expect(silent.outcome).toEqual({ kind: 'failed', retryAfterSeconds: null });
    const data = { cause: 'no_answer', intent_id: expect.any(String) };
    expect(silent.entries).toMatchObject([{ event_type: 'token.refresh_in_doubt', data }]);
    await expectUsable(silent.connected);
    const exchanged = await narrowAt({ drop: 'before' }, 'token_exchange');
    expect(exchanged.outcome).toEqual({ kind: 'failed', retryAfterSeconds: 1 });
    expect(exchanged.entries).toMatchObject([{ event_type: 'token.refresh_failed', data: { class: 'in_doubt' } }]);
    await expectUsable(exchanged.connected, 1);
  });

  it('invalid_grant ends the connection whose refresh token was refused', async () => {
    const { outcome, status, reason, entries } = await narrowAt(refuse('invalid_grant'), 'refresh');
    expect([outcome, status, reason]).toEqual([{ kind: 'attention' }, 'attention', 'grant_revoked']);
    expect(entries).toMatchObject([
      {
        event_type: 'connection.attention',
        data: { reason: 'grant_revoked', upstream_error: 'invalid_grant', upstream_status: 400 },
      },
    ]);
  });

  it('invalid_grant for an exchanged access token says nothing of the grant', async () => {
    const { outcome, status, entries, connected } = await narrowAt(refuse('invalid_grant'), 'token_exchange');
    expect([outcome, status]).toEqual([{ kind: 'failed', retryAfterSeconds: 1 }, 'active']);
    expect(entries).toMatchObject([{ event_type: 'token.refresh_failed', data: { class: 'final' } }]);
    await expectUsable(connected, 1);
  });

  it.each(both)('S-9: a profile that moved to another origin is sent nothing (%s)', async (downscope) => {
    const connected = await rig.connect({ downscope, tokenUrl: 'https://moved.example/token' });
    expect(await rig.narrow(engine, connected)).toEqual({ kind: 'attention' });
    expect(await rig.read(connected.connection.connectionRef)).toMatchObject({
      status: 'attention',
      reason: 'origin_changed',
    });
  });

  it('a stored value that does not authenticate needs attention', async () => {
    const connected = await rig.connect({}, {}, 7);
    expect(await rig.narrow(engine, connected)).toEqual({ kind: 'attention' });
    expect(await rig.read(connected.connection.connectionRef)).toMatchObject({
      status: 'attention',
      reason: 'integrity',
    });
    expect(rig.authority.shown(connected.family)).toEqual([]);
    expect(await rig.narrow(engine, connected)).toEqual({ kind: 'attention' });
  });

  it('an expired access token is not exchanged: its refusal would look like a provider that cannot narrow', async () => {
    const connected = await rig.connect({ downscope: 'token_exchange' }, { expiresAt: 1_700_000_000 });
    const before = rig.authority.upstream.requests('/token').length;
    expect(await rig.narrow(engine, connected)).toEqual({ kind: 'failed', retryAfterSeconds: null });
    expect(rig.authority.upstream.requests('/token')).toHaveLength(before);
  });
});
