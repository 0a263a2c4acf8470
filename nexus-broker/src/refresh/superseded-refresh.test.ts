import { systemClock, toInstant } from '@nexus/core/clock';
import type { ScriptedAnswer } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sealCredential } from '../grants/credential-custody.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { createCredentialInput } from '../stores/store-fixture.js';
import { type Connected, context, createEngineRig, type EngineRig, revoking } from './engine-fixture.js';
import type { RefreshEngine } from './refresh-engine.js';

describeEachDatabase('an answer that comes after something else was stored', (open) => {
  let rig: EngineRig;
  let engine: RefreshEngine;

  beforeAll(async () => {
    rig = await createEngineRig(await open({ poolSize: 16 }));
    engine = rig.createEngine();
  });
  afterAll(() => rig.close());

  const refresh = ({ connection, provider }: Connected) => engine.refresh(connection, provider, context);

  /** Answers once a sibling of the same parent is stored. */
  async function refreshBeside(connected: Connected, answer: ScriptedAnswer | null, tokens: object) {
    const { connection } = connected;
    const { connectionRef, issuedOrigin } = connection;
    rig.authority.upstream.enqueue('/token', async ({ form }) => {
      const own = rig.authority.answer(form);
      const credential = { ...(await rig.open(connection)), ...tokens };
      const sealed = sealCredential(rig.vault, connection, credential, 2, issuedOrigin);
      const stored = createCredentialInput(connection, { sealed, from: ['active'], issuedOrigin });
      expect(await rig.database.transaction(({ connections }) => connections.storeCredential(stored))).toBe(true);
      return answer ?? own;
    });
    const outcome = await refresh(connected);
    return { outcome, row: await rig.read(connectionRef), entries: await rig.entries(connectionRef) };
  }

  it('R10: a refusal of the version before it changes nothing', async () => {
    const connected = await rig.connect();
    const refused = { status: 400, body: { error: 'invalid_grant' } };
    const { outcome, row, entries } = await refreshBeside(connected, refused, {});
    expect(outcome).toEqual({ kind: 'still_fresh' });
    expect(row).toMatchObject({ status: 'active', version: 2 });
    const data = { class: 'final', intent_id: expect.any(String) };
    expect(entries).toMatchObject([{ event_type: 'token.refresh_failed', data }]);
  });

  it.each(['token', 'grant'] as const)('a sibling stays, and what nobody stored goes with care (%s)', async (kills) => {
    const connected = await rig.connect({ revoke: revoking(kills) });
    const { family } = connected;
    const { outcome, row, entries } = await refreshBeside(connected, null, { accessToken: 'at-sibling' });
    expect(outcome).toEqual({ kind: 'still_fresh' });
    expect(await rig.open(row)).toMatchObject({ accessToken: 'at-sibling' });
    const data = { version: 2, provider_revoked: kills === 'token', intent_id: expect.any(String) };
    expect(entries).toMatchObject([{ event_type: 'token.refresh_sibling', data }]);
    const minted = expect.stringMatching(new RegExp(`^at-${family}-minted`));
    expect(rig.authority.revoked(family)).toEqual(kills === 'token' ? [`rt-${family}-1`, minted] : []);
  });

  it('a refresh token that the sibling holds as well is not revoked', async () => {
    const connected = await rig.connect({ revoke: revoking('token') });
    const { family } = connected;
    await refreshBeside(connected, null, { accessToken: 'at-sibling', refreshToken: `rt-${family}-1` });
    expect(rig.authority.revoked(family)).toEqual([expect.stringMatching(new RegExp(`^at-${family}-minted`))]);
  });

  it('R18: a deletion while the provider answers is final, and the new token goes', async () => {
    for (let race = 0; race < 20; race++) {
      const connected = await rig.connect({ revoke: revoking('grant') });
      const { connectionRef } = connected.connection;
      const at = toInstant(systemClock.now());
      const deleting = rig.database.transaction(async ({ connections }) => {
        if (race % 2 === 0) await new Promise((resolve) => setTimeout(resolve, race));
        return connections.markRevoked({ connectionRef, at });
      });
      const [outcome] = await Promise.all([refresh(connected), deleting]);
      expect(['refreshed', 'attention']).toContain(outcome.kind);
      expect(await rig.read(connectionRef)).toMatchObject({ status: 'revoked', sealedCredential: null });
      const wasRenewed = rig.authority.shown(connected.family).length > 0 && outcome.kind === 'attention';
      if (wasRenewed) expect(rig.authority.revoked(connected.family)).toContain(`rt-${connected.family}-1`);
    }
  });
});
