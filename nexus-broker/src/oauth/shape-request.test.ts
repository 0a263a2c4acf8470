import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProviderProfile } from '../domain/provider.js';
import { codeVerifier } from './provider-fixture.js';
import { flow, type QuirkRig, startQuirkRig } from './quirk-fixture.js';

let rig: QuirkRig;

beforeAll(async () => {
  rig = await startQuirkRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

describe('requests that a profile shapes', () => {
  const post: Partial<ProviderProfile> = { tokenEndpointAuthMethod: 'client_secret_post' };

  it('renames parameters and leaves some out, in the browser and at the token endpoint', async () => {
    rig.upstream.answer('/token', { body: { access_token: 'fixture-a' } });
    const names = { client_id: 'client_key', response_type: '', redirect_uri: 'return_to', code: 'ticket' };
    const provider = rig.create({ param_names: names, scope_param: 'user_scope' }, post);
    const url = new URL(await rig.client.buildAuthorizationUrl({ ...flow, provider, loginHint: null }));
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_key: 'client',
      return_to: flow.redirectUri,
      state: 's',
      user_scope: 'read write',
    });
    for (const name of ['client_id', 'response_type', 'scope', 'redirect_uri']) {
      expect(url.searchParams.has(name)).toBe(false);
    }
    await rig.exchange(provider);
    expect(rig.lastSent().form).toEqual({
      grant_type: 'authorization_code',
      ticket: 'c',
      return_to: flow.redirectUri,
      code_verifier: codeVerifier,
      client_key: 'client',
      client_secret: 'secret',
    });
  });

  it('leaves a parameter out at the token endpoint, too', async () => {
    rig.upstream.answer('/token', { body: { access_token: 'fixture-a' } });
    await rig.refresh(rig.create({ param_names: { grant_type: '' } }));
    expect(rig.lastSent().body).toBe('refresh_token=fixture-old');
  });

  it('puts the client id where the authorization URL has a place for it', async () => {
    const provider = rig.create({}, { authUrl: `${rig.upstream.url('/consent')}/{client_id}` });
    const url = new URL(await rig.client.buildAuthorizationUrl({ ...flow, provider, loginHint: null }));
    expect(url.pathname).toBe('/consent/client');
  });

  it('sends JSON, further parameters, headers and the scope where the profile asks for them', async () => {
    rig.upstream.answer('/token', { body: { access_token: 'fixture-a' } });
    const provider = rig.create(
      {
        token_request: {
          body_format: 'json',
          params: { type: 'web_server' },
          headers: { 'notion-version': '2022-06-28' },
          sends_scope: true,
        },
        refresh: { params: { type: 'refresh' } },
      },
      { ...post, scopeSeparator: ',' },
    );
    await rig.exchange(provider);
    expect(rig.lastSent().headers).toMatchObject({
      'content-type': 'application/json',
      'notion-version': '2022-06-28',
    });
    expect(JSON.parse(rig.lastSent().body)).toMatchObject({ code: 'c', type: 'web_server', scope: 'read,write' });
    await rig.refresh(provider);
    expect(JSON.parse(rig.lastSent().body)).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'fixture-old',
      client_id: 'client',
      client_secret: 'secret',
      type: 'refresh',
      scope: 'read,offline_access',
    });
  });

  it('refreshes by GET under other names, at a URL of its own', async () => {
    rig.upstream.answer('/renew', { body: { access_token: 'fixture-a' } });
    const provider = rig.create(
      { refresh: { method: 'GET', grant_type: 'ig_refresh_token', token_param: 'access_token' } },
      { ...post, refreshUrl: `${rig.upstream.url('/renew')}?v=1` },
    );
    expect(await rig.refresh(provider)).toMatchObject({ kind: 'refreshed' });
    const { method, query, body } = rig.lastSent('/renew');
    expect({ method, query, body }).toEqual({
      method: 'GET',
      query: {
        v: '1',
        grant_type: 'ig_refresh_token',
        access_token: 'fixture-old',
        client_id: 'client',
        client_secret: 'secret',
      },
      body: '',
    });
  });

  it('expects `iss` where the profile says that it comes (RFC 9207)', async () => {
    rig.upstream.answer('/token', { body: { access_token: 'fixture-a' } });
    const provider = rig.create({ iss_expected: true }, { issuer: rig.upstream.origin });
    await expect(rig.exchange(provider)).rejects.toMatchObject({ stage: 'verification' });
    const { tokenSet } = await rig.exchange(provider, { iss: rig.upstream.origin });
    expect(tokenSet.accessToken).toBe('fixture-a');
  });
});
