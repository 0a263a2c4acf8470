import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secrets } from './provider-fixture.js';
import { type QuirkRig, startQuirkRig } from './quirk-fixture.js';

let rig: QuirkRig;
let other: ScriptedProvider;

beforeAll(async () => {
  rig = await startQuirkRig();
  rig.upstream.answer('/token', { body: { access_token: 'fixture-a', refresh_token: 'fixture-r' } });
  other = await startScriptedProvider();
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await other.close();
});

describe('where a credential may be sent later', () => {
  it('is what the profile named when it was issued', async () => {
    const provider = rig.create({}, { refreshUrl: other.url('/renew'), revocationEndpoint: other.url('/revoke') });
    const { tokenSet, issuedOrigin } = await rig.exchange(provider);
    expect(tokenSet.origins).toEqual([rig.upstream.origin, other.origin]);
    const use = { clientSecrets: secrets, issuedOrigin, origins: tokenSet.origins };
    other.answer('/renew', { body: { access_token: 'fixture-b' } });
    other.answer('/revoke', {});
    const grant = { ...use, refreshToken: 'fixture-r', scope: '' };
    expect(await rig.client.refreshGrant({ ...grant, provider })).toMatchObject({ kind: 'refreshed' });
    const token = { ...use, token: 'fixture-r', hint: 'refresh_token' } as const;
    expect(await rig.client.revokeToken({ ...token, provider })).toMatchObject({ outcome: 'revoked' });
  });

  it('S-9: is nothing that came into the profile after that', async () => {
    const { tokenSet, issuedOrigin } = await rig.exchange(rig.create({}));
    expect(tokenSet).not.toHaveProperty('origins');
    const use = { clientSecrets: secrets, issuedOrigin, origins: tokenSet.origins };
    const before = other.requests().length;
    const moved = rig.create({}, { refreshUrl: other.url('/renew'), revocationEndpoint: other.url('/revoke') });
    const grant = { ...use, refreshToken: 'fixture-r', scope: '', provider: moved };
    expect(await rig.client.refreshGrant(grant)).toMatchObject({ failure: { class: 'origin_changed' } });
    const token = { ...use, token: 'fixture-r', hint: 'refresh_token', provider: moved } as const;
    expect(await rig.client.revokeToken(token)).toMatchObject({ outcome: 'origin_changed' });
    const recipe = { url: other.url('/off'), auth: 'bearer' };
    const provider = rig.create({ revoke: { via: 'http', request: recipe } });
    expect(await rig.client.revokeToken({ ...token, provider })).toMatchObject({ outcome: 'origin_changed' });
    const asking = rig.create(
      { token_answer: { when_expiry_missing: 'introspect' } },
      { introspectionEndpoint: other.url('/introspect') },
    );
    expect(await rig.client.refreshGrant({ ...grant, provider: asking })).toMatchObject({ kind: 'refreshed' });
    expect(other.requests()).toHaveLength(before);
  });
});
