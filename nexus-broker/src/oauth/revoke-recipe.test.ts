import type { JsonValue } from '@nexus/core/canonical-json';
import { type Script, type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProviderProfile } from '../domain/provider.js';
import { listRevocable } from '../domain/revocable-tokens.js';
import { createProvider, createTestClient, readQuirks, type TestClient } from './provider-fixture.js';

let upstream: ScriptedProvider;
let client: TestClient;

beforeAll(async () => {
  upstream = await startScriptedProvider();
  client = createTestClient();
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await upstream.close();
});

type Written = { readonly [name: string]: JsonValue };

function create(revoke: Written, changes: Partial<ProviderProfile> = {}) {
  return createProvider({
    authUrl: upstream.url('/authorize'),
    tokenUrl: upstream.url('/token'),
    revocationEndpoint: upstream.url('/revoke'),
    ...changes,
    ...readQuirks({ revoke }),
  });
}

async function revoke(request: Written, answer: Script = {}, clientSecrets: readonly string[] = ['fixture-s']) {
  upstream.answer('/off', answer);
  upstream.answer('/apps/client/tokens/fixture-t%2Fx', answer);
  const { outcome } = await client.revokeToken({
    provider: create({ via: 'http', request: { url: upstream.url('/off'), ...request } }),
    clientSecrets,
    token: 'fixture-t/x',
    hint: 'access_token',
    issuedOrigin: upstream.origin,
  });
  const { method, headers, body, path, query } = upstream.requests().at(-1) ?? {};
  return { outcome, method, path, body, query: Object.fromEntries(query ?? []), headers: headers ?? {} };
}

describe('a revocation by recipe', () => {
  it('shows the token as the bearer', async () => {
    const { outcome, method, body, headers } = await revoke({
      auth: 'bearer',
      headers: { 'x-version': '2', 'x-app': '{client_id}' },
    });
    expect({ outcome, method, body }).toEqual({ outcome: 'revoked', method: 'POST', body: '' });
    expect(headers).toMatchObject({ authorization: 'Bearer fixture-t/x', 'x-version': '2', 'x-app': 'client' });
  });

  it('names it in the path, percent-encoded, and the client by its password', async () => {
    const url = upstream.url('/apps/{client_id}/tokens/{token}');
    const { outcome, method, path, headers } = await revoke({ method: 'DELETE', url, auth: 'client_basic' });
    expect({ outcome, method, path }).toEqual({
      outcome: 'revoked',
      method: 'DELETE',
      path: '/apps/client/tokens/fixture-t%2Fx',
    });
    expect(headers['authorization']).toBe(`Basic ${Buffer.from('client:fixture-s').toString('base64')}`);
  });

  it.each([
    ['form', 'token=fixture-t%2Fx&client_id=client&client_secret=fixture-s'],
    ['json', '{"token":"fixture-t/x","client_id":"client","client_secret":"fixture-s"}'],
  ])('names it in a body: %s', async (bodyFormat, body) => {
    const request = { auth: 'client_body', body_format: bodyFormat, params: { token: '{token}' } };
    expect(await revoke(request)).toMatchObject({ outcome: 'revoked', body });
  });

  it('names it in the query', async () => {
    const params = { token: '{token}', id: '{client_id}', key: '{client_secret}' };
    const { outcome, query } = await revoke({ method: 'GET', params });
    expect({ outcome, query }).toEqual({
      outcome: 'revoked',
      query: { token: 'fixture-t/x', id: 'client', key: 'fixture-s' },
    });
  });

  it.each<readonly [string, Script, string]>([
    ['202', { status: 202 }, 'revoked'],
    ['204', { status: 204 }, 'revoked'],
    ['an error with a status of 200', { body: { ok: false, error: 'token_expired' } }, 'token_expired'],
    ['404', { status: 404 }, 'http_404'],
    ['500', { status: 500 }, 'http_500'],
    ['a drop', { drop: 'before' }, 'unreachable'],
    ['S-3: a redirect', { status: 302, headers: { location: '/second' } }, 'http_302'],
  ])('%s', async (_case, answer, outcome) => {
    expect(await revoke({ auth: 'bearer' }, answer)).toMatchObject({ outcome });
    expect(upstream.requests('/second')).toHaveLength(0);
  });

  it('tries the client secrets in their order, where they are sent at all', async () => {
    const pick: Script = ({ form }) => ({ status: form.get('client_secret') === 'fixture-new' ? 200 : 401 });
    const request = { auth: 'client_body', body_format: 'form', params: { token: '{token}' } };
    expect(await revoke(request, pick, ['fixture-old', 'fixture-new'])).toMatchObject({ outcome: 'revoked' });
    const before = upstream.requests('/off').length;
    expect(await revoke({ auth: 'bearer' }, { status: 401 }, ['a', 'b'])).toMatchObject({ outcome: 'http_401' });
    expect(upstream.requests('/off')).toHaveLength(before + 1);
    expect(await revoke(request, {}, [])).toMatchObject({ outcome: 'no_client_secret' });
  });

  it('is not tried where the profile says that there is none', async () => {
    const before = upstream.requests().length;
    const revocation = {
      clientSecrets: ['s'],
      token: 't',
      hint: 'access_token',
      issuedOrigin: upstream.origin,
    } as const;
    expect(await client.revokeToken({ ...revocation, provider: create({ via: 'none' }) })).toEqual({
      outcome: 'unsupported',
      mayPass: false,
    });
    expect(upstream.requests()).toHaveLength(before);
  });

  it('is for the token that it names', () => {
    const tokens = { accessToken: 'fixture-a', refreshToken: 'fixture-r' };
    const list = (written: Written, held: Parameters<typeof listRevocable>[1] = tokens) =>
      listRevocable(create(written).profile, held).map(({ token }) => token);
    const recipe = (token: string) => ({ via: 'http', request: { url: upstream.url('/off'), token } });
    expect(list({})).toEqual(['fixture-r', 'fixture-a']);
    expect(list(recipe('access_token'))).toEqual(['fixture-a']);
    expect(list(recipe('refresh_token'))).toEqual(['fixture-r']);
    expect(list(recipe('refresh_token'), { ...tokens, refreshToken: null })).toEqual(['fixture-a']);
    expect(list({}, { accessToken: 'fixture-a', refreshToken: 'fixture-a' })).toEqual(['fixture-a']);
  });

  it('renames the parameters of a standard revocation', async () => {
    upstream.answer('/revoke', {});
    const provider = createProvider({
      ...create({}).profile,
      tokenEndpointAuthMethod: 'client_secret_post',
      paramNames: { client_id: 'client_key' },
    });
    await client.revokeToken({
      provider,
      clientSecrets: ['s'],
      token: 't',
      hint: 'access_token',
      issuedOrigin: upstream.origin,
    });
    expect(Object.fromEntries(upstream.requests('/revoke').at(-1)?.form ?? [])).toEqual({
      token: 't',
      token_type_hint: 'access_token',
      client_key: 'client',
      client_secret: 's',
    });
  });
});
