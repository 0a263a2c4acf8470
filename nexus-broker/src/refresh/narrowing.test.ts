import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { type Connected, context, createEngineRig, type EngineRig, revoking } from './engine-fixture.js';
import type { NarrowedToken } from './narrow-outcome.js';
import type { RefreshEngine } from './refresh-engine.js';

describeEachDatabase('narrowing', (open, fixture) => {
  let url: string;
  let rig: EngineRig;
  let engine: RefreshEngine;

  beforeAll(async () => {
    url = await fixture.createUrl();
    rig = await createEngineRig(await open({ url }));
    engine = rig.createEngine();
  });
  afterAll(() => rig.close());

  const readLease = async ({ connection }: Connected) => {
    const [row] = await fixture.runSql(
      url,
      `select lease_owner, fail_count from connection where connection_ref = '${connection.connectionRef}'`,
    );
    return { owner: row?.['lease_owner'], failures: Number(row?.['fail_count']) };
  };

  it('hands out the minted token and keeps the rotated refresh token for the next refresh', async () => {
    const connected = await rig.connect();
    const { connection, provider, family } = connected;
    const stored: NarrowedToken[] = [];
    const seenInside: number[] = [];
    const outcome = await engine.narrow({
      connection,
      provider,
      scopes: ['read'],
      context,
      about: { agentId: 'agent', sessionId: 'sess_test' },
      store: async ({ connections }, token) => {
        stored.push(token);
        seenInside.push((await connections.findByRef(connection.connectionRef))?.version ?? 0);
        return true;
      },
    });
    expect(outcome).toEqual({ kind: 'narrowed', token: stored[0] });
    expect(seenInside).toEqual([2]);
    expect(stored[0]).toMatchObject({
      credential: { scope: 'read', refreshToken: null, idToken: null },
      issuedOrigin: rig.authority.upstream.origin,
    });
    const after = await rig.read(connection.connectionRef);
    const own = await rig.open(connection);
    expect(await rig.open(after)).toEqual({ ...own, refreshToken: `rt-${family}-1` });
    const { sealedCredential, updatedAt } = after;
    expect(after).toEqual({ ...connection, version: 2, sealedCredential, updatedAt });
    expect(await readLease(connected)).toEqual({ owner: null, failures: 0 });

    expect(await engine.refresh(after, provider, context)).toEqual({ kind: 'refreshed' });
    expect(rig.authority.shown(family)).toEqual([`rt-${family}-0`, `rt-${family}-1`]);
    expect(await rig.open(await rig.read(connection.connectionRef))).toMatchObject({
      refreshToken: `rt-${family}-2`,
      scope: 'read write',
    });
  });

  it('records what was minted, whose it is and the blob it left behind, and no secret', async () => {
    const connected = await rig.connect();
    const { connection, provider } = connected;
    const outcome = await rig.narrow(engine, connected);
    const [entry, ...others] = await rig.entries(connection.connectionRef);
    const { sealedCredential } = await rig.read(connection.connectionRef);
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      event_type: 'token.narrowed',
      outcome: 'success',
      actor: { type: 'session', id: 'sess_1' },
      provider_name: provider.profile.name,
      workspace_id: connection.workspaceId,
      data: { scopes: ['read'], via: 'refresh', expires_at: expect.any(Number), version: 2 },
      store: {
        table: 'connection',
        row: connection.connectionRef,
        version: 2,
        blob_sha256: createHash('sha256')
          .update(sealedCredential ?? '')
          .digest('hex'),
      },
    });
    expect(outcome.kind).toBe('narrowed');
    expect(JSON.stringify(entry)).not.toMatch(/\b[ar]t-/);
  });

  it('changes nothing of the connection where the refresh token stays the same', async () => {
    rig.authority.rotates = false;
    try {
      const connected = await rig.connect();
      const before = await rig.read(connected.connection.connectionRef);
      expect(await rig.narrow(engine, connected)).toMatchObject({ kind: 'narrowed' });
      expect(await rig.read(connected.connection.connectionRef)).toEqual(before);
      expect(await readLease(connected)).toEqual({ owner: null, failures: 0 });
      const [entry] = await rig.entries(connected.connection.connectionRef);
      expect(entry).toMatchObject({ event_type: 'token.narrowed', data: { via: 'refresh', version: 1 } });
      expect(entry).not.toHaveProperty('store');
    } finally {
      rig.authority.rotates = true;
    }
  });

  it('exchanges the access token, and leaves a refresh token that comes with it to the minted one', async () => {
    const connected = await rig.connect({ downscope: 'token_exchange' }, { refreshToken: null });
    const { connection, family } = connected;
    expect(await rig.narrow(engine, connected)).toMatchObject({
      kind: 'narrowed',
      token: { credential: { scope: 'read', refreshToken: null } },
    });
    rig.authority.upstream.enqueue('/token', {
      body: { access_token: `at-${family}-x`, refresh_token: `rx-${family}`, scope: 'read' },
    });
    expect(await rig.narrow(engine, connected)).toMatchObject({
      kind: 'narrowed',
      token: { credential: { accessToken: `at-${family}-x`, refreshToken: `rx-${family}` } },
    });
    expect(rig.authority.upstream.requests('/token').at(-1)?.form.get('subject_token')).toBe(`at-${family}-own`);
    expect(await rig.read(connection.connectionRef)).toEqual(connection);
  });

  it('a narrowing does not count as a refresh of the connection itself', async () => {
    const connected = await rig.connect();
    const { connection, provider, family } = connected;
    await rig.narrow(engine, connected);
    expect(await engine.refresh(await rig.read(connection.connectionRef), provider, context)).toEqual({
      kind: 'refreshed',
    });
    expect(await engine.refresh(await rig.read(connection.connectionRef), provider, context)).toEqual({
      kind: 'still_fresh',
    });
    expect(await rig.narrow(engine, connected)).toMatchObject({ kind: 'narrowed' });
    expect(rig.authority.shown(family)).toEqual([0, 1, 2].map((n) => `rt-${family}-${n}`));
  });

  it.each([
    ['token', true],
    ['grant', false],
    ['unknown', false],
  ] as const)(
    'an unwanted token leaves the rotation stored, and is taken back where a revocation kills the %s only if it harms nothing',
    async (revocationKills, isTakenBack) => {
      const connected = await rig.connect({ revoke: revoking(revocationKills) });
      const { connection, family } = connected;
      let minted = '';
      const outcome = await rig.narrow(engine, connected, ({ credential }) => {
        minted = credential.accessToken;
        return false;
      });
      expect(outcome).toEqual({ kind: 'unwanted' });
      expect((await rig.open(await rig.read(connection.connectionRef))).refreshToken).toBe(`rt-${family}-1`);
      expect(rig.authority.revoked(family)).toEqual(isTakenBack ? [minted] : []);
    },
  );

  it.each([
    ['token', true],
    ['grant', false],
  ] as const)(
    'a token that can do more is given to nobody, and its rotation is stored (kills %s)',
    async (revocationKills, isTakenBack) => {
      const connected = await rig.connect({ revoke: revoking(revocationKills) });
      const { connection, family } = connected;
      const body = { access_token: `at-${family}-wide`, refresh_token: `rt-${family}-1`, scope: 'read write' };
      rig.authority.upstream.enqueue('/token', ({ form }) => {
        rig.authority.answer(form);
        return { body };
      });
      const outcome = await rig.narrow(engine, connected, () => {
        throw new Error('it was stored');
      });
      expect(outcome).toEqual({ kind: 'cannot_narrow' });
      const after = await rig.read(connection.connectionRef);
      expect(await rig.open(after)).toMatchObject({ refreshToken: `rt-${family}-1`, accessToken: `at-${family}-own` });
      expect(rig.authority.revoked(family)).toEqual(isTakenBack ? [`at-${family}-wide`] : []);
      expect(await rig.entries(connection.connectionRef)).toMatchObject([
        { event_type: 'token.narrowed', outcome: 'failure', data: { scopes: ['read', 'write'], version: 2 } },
      ]);
      expect(await rig.narrow(engine, connected)).toMatchObject({ kind: 'narrowed' });
    },
  );

  it("the connection's own token under a narrower name is not handed out, and never revoked", async () => {
    const connected = await rig.connect({ revoke: revoking('token') });
    const { family } = connected;
    rig.authority.upstream.enqueue('/token', { body: { access_token: `at-${family}-own`, scope: 'read' } });
    expect(await rig.narrow(engine, connected)).toEqual({ kind: 'cannot_narrow' });
    expect(rig.authority.revoked(family)).toEqual([]);
  });

  it('does not ask a provider that cannot narrow, nor for no scope at all', async () => {
    const plain = await rig.connect({ downscope: null });
    expect(await rig.narrow(engine, plain)).toEqual({ kind: 'cannot_narrow' });
    const fixed = await rig.connect({ authType: 'api_key' });
    expect(await rig.narrow(engine, fixed)).toEqual({ kind: 'cannot_narrow' });
    const connected = await rig.connect();
    expect(await rig.narrow(engine, connected, undefined, [])).toEqual({ kind: 'cannot_narrow' });
    const mortal = await rig.connect({}, { refreshToken: null });
    expect(await rig.narrow(engine, mortal)).toEqual({ kind: 'cannot_narrow' });
    expect(await readLease(mortal)).toEqual({ owner: null, failures: 0 });
    for (const { family } of [plain, fixed, connected, mortal]) expect(rig.authority.shown(family)).toEqual([]);
  });
});
