import type { Script } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placeProvider } from '../domain/profile-places.js';
import type { Provider } from '../domain/provider.js';
import type { ConnectedAccount } from './connect-account.js';
import { readCallback } from './lift-values.js';
import { flow, nowMs, type QuirkRig, startQuirkRig } from './quirk-fixture.js';

let rig: QuirkRig;

beforeAll(async () => {
  rig = await startQuirkRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

interface Answers {
  readonly callback?: Readonly<Record<string, string>>;
  readonly token?: object;
}

function connect(provider: Provider, { callback = {}, token = {} }: Answers = {}): Promise<ConnectedAccount> {
  rig.upstream.answer('/token', { body: { access_token: 'fixture-a', ...token } });
  return rig.exchange(provider, callback);
}

describe('a longer-lived token in a second call', () => {
  const upgrade = (changes: object = {}) => ({
    upgrade: {
      url: rig.upstream.url('/upgrade'),
      method: 'GET',
      grant_type: 'fb_exchange_token',
      token_param: 'fb_exchange_token',
      client: true,
      params: { api: '1' },
      ...changes,
    },
  });

  it.each([
    [
      'GET',
      {
        api: '1',
        grant_type: 'fb_exchange_token',
        fb_exchange_token: 'fixture-a',
        client_id: 'client',
        client_secret: 'secret',
      },
    ],
    ['POST', { api: '1', grant_type: 'fb_exchange_token', fb_exchange_token: 'fixture-a' }],
  ])('by %s', async (method, sent) => {
    rig.upstream.answer('/upgrade', { body: { access_token: 'fixture-long', expires_in: 600 } });
    const provider = rig.create(upgrade({ method, client: method === 'GET' }));
    const { tokenSet } = await connect(provider, { token: { expires_in: 60, scope: 'read' } });
    expect(tokenSet).toMatchObject({ accessToken: 'fixture-long', scope: 'read', expiresAt: nowMs / 1_000 + 600 });
    const request = rig.upstream.requests('/upgrade').at(-1);
    expect(Object.fromEntries((method === 'GET' ? request?.query : request?.form) ?? [])).toEqual(sent);
  });

  it.each<readonly [string, Script, object]>([
    [
      'a refusal',
      { status: 400, body: { error: 'invalid_grant' } },
      { class: 'final', upstreamError: 'invalid_grant' },
    ],
    ['an answer without a token', { body: {} }, { class: 'transient', upstreamStatus: 200 }],
    ['no answer', { drop: 'before' }, { class: 'in_doubt' }],
  ])('fails the exchange with %s, and names what was obtained before', async (_case, script, failure) => {
    rig.upstream.answer('/upgrade', script);
    await expect(connect(rig.create(upgrade()))).rejects.toMatchObject({
      stage: 'exchange',
      failure,
      obtained: { issuedOrigin: rig.upstream.origin, tokenSet: { accessToken: 'fixture-a' } },
    });
  });

  it('tries the client secrets in their order', async () => {
    rig.upstream.answer('/upgrade', ({ query }) =>
      query.get('client_secret') === 'secret'
        ? { body: { access_token: 'fixture-long' } }
        : { status: 401, body: { error: 'invalid_client' } },
    );
    rig.upstream.answer('/token', { body: { access_token: 'fixture-a' } });
    const { tokenSet } = await rig.exchange(rig.create(upgrade()), {}, { clientSecrets: ['fixture-stale', 'secret'] });
    expect(tokenSet.accessToken).toBe('fixture-long');
  });
});

describe('what goes wrong once tokens have been issued', () => {
  it('is told as a failed exchange that names them, whatever it is', async () => {
    const provider = rig.create({
      upgrade: { url: '{host}/up', method: 'GET', grant_type: 'g', token_param: 't' },
      account: { values: { host: { from: 'callback', path: 'h', allowed_hosts: ['api.example'] } } },
    });
    await expect(connect(provider)).rejects.toMatchObject({
      stage: 'exchange',
      obtained: { issuedOrigin: rig.upstream.origin, tokenSet: { accessToken: 'fixture-a' } },
    });
  });

  it('is not a callback with thousands of parameters, nor one that says a thing twice', () => {
    const many = Array.from({ length: 200_000 }, (_, i) => [`p${i}`, ''] as const);
    const read = readCallback([...many, ['realm', '1'], ['twice', '1'], ['realm2', '2'], ['twice', '1']]);
    expect([Object.keys(read).length, read['realm'], Object.hasOwn(read, 'twice')]).toEqual([200_002, '1', false]);
  });
});

describe('the account as a profile locates it', () => {
  const api = () => ({ apiBaseUrl: rig.upstream.url('/api') });

  it('asks the way the provider wants to be asked', async () => {
    rig.upstream.answer('/api/graphql', { body: { data: { me: { id: 7, email: 'ann@example.test' } } } });
    const provider = rig.create(
      {
        token_answer: { token_type: 'Token' },
        account: {
          request: { method: 'POST', url: '/graphql', headers: { 'x-version': '2' }, body: '{"query":"{me}"}' },
          subject: { from: 'userinfo', path: 'data.me.id' },
          label: { from: 'userinfo', path: 'data.me.email' },
        },
      },
      api(),
    );
    expect(await connect(provider)).toMatchObject({ subject: '7', label: 'ann@example.test', accountData: {} });
    const request = rig.upstream.requests('/api/graphql').at(-1);
    expect(request).toMatchObject({
      method: 'POST',
      body: '{"query":"{me}"}',
      headers: { 'x-version': '2', 'content-type': 'application/json', authorization: 'Token fixture-a' },
    });
  });

  it('finds it in the answer of the token endpoint and in the callback, without another call', async () => {
    const before = rig.upstream.requests('/api/me').length;
    const provider = rig.create(
      { account: { subject: { from: 'token', path: 'team.id' }, label: { from: 'callback', path: 'shop' } } },
      { ...api(), userInfoEndpoint: '/me' },
    );
    expect(await connect(provider, { token: { team: { id: 'T1' } }, callback: { shop: 'acme' } })).toMatchObject({
      subject: 'T1',
      label: 'acme',
    });
    expect(rig.upstream.requests('/api/me')).toHaveLength(before);
  });

  it('drops an ID token unread whose issuer is not to be asked for keys, and has the account from userinfo', async () => {
    rig.upstream.answer('/api/me', { body: { sub: 'u7', email: 'ann@example.test' } });
    rig.upstream.answer('/token', { body: { access_token: 'fixture-a', id_token: 'fixture-unverified' } });
    const provider = rig.create({}, { ...api(), issuer: rig.upstream.origin, userInfoEndpoint: '/me' });
    const connected = await rig.exchange(provider, {}, { scopes: ['openid'] });
    expect(connected).toMatchObject({ subject: 'u7', label: 'ann@example.test', tokenSet: { idToken: null } });
  });

  it('knows no subject rather than another one than the profile locates', async () => {
    rig.upstream.answer('/api/me', { body: { id: 'somebody', name: 'Ann' } });
    const provider = rig.create(
      { account: { subject: { from: 'userinfo', path: 'data.id' } } },
      { ...api(), userInfoEndpoint: '/me' },
    );
    expect(await connect(provider)).toMatchObject({ subject: null, label: 'Ann' });
  });
});

describe('values that are told once', () => {
  const realm = (isRequired: boolean) => ({
    account: {
      values: {
        realm_id: { from: 'callback', path: 'realmId', pattern: '[0-9]+', ...(isRequired ? { required: true } : {}) },
      },
    },
  });

  it('come from the callback, the token answer and the account', async () => {
    rig.upstream.answer('/api/me', { body: { cloud: [{ id: 'c-1' }] } });
    const provider = rig.create(
      {
        account: {
          values: {
            realm_id: { from: 'callback', path: 'realmId' },
            company: { from: 'token', path: 'company.id' },
            cloud: { from: 'userinfo', path: 'cloud.0.id' },
            absent: { from: 'token', path: 'nothing', default: 'd' },
          },
        },
      },
      { userInfoEndpoint: '/me', apiBaseUrl: rig.upstream.url('/api') },
    );
    const { accountData } = await connect(provider, { callback: { realmId: '9130' }, token: { company: { id: 12 } } });
    expect(accountData).toEqual({ realm_id: '9130', company: '12', cloud: 'c-1' });
  });

  it.each([
    ['missing', {}],
    ['not of its form', { realmId: 'evil.example/' }],
    ['empty', { realmId: '' }],
  ])('fail the connection where one is required and %s, before the code is spent', async (_case, callback) => {
    const before = rig.upstream.requests('/token').length;
    await expect(connect(rig.create(realm(true)), { callback })).rejects.toMatchObject({
      stage: 'exchange',
      obtained: null,
    });
    expect(rig.upstream.requests('/token')).toHaveLength(before);
    expect((await connect(rig.create(realm(false)), { callback })).accountData).toEqual({});
  });

  it('do not hide that the person declined', async () => {
    const values = { server: { from: 'callback', path: 'server', required: true, allowed_hosts: ['.zoho.example'] } };
    const provider = rig.create({ account: { values } }, { tokenUrl: 'https://{server}/token' });
    const parameters = Object.entries({ error: 'access_denied', state: 's' });
    await expect(rig.client.exchangeCode({ ...flow, provider, parameters })).rejects.toMatchObject({
      stage: 'authorization',
      failure: { upstreamError: 'access_denied' },
    });
    const forged = Object.entries({ error: 'access_denied', state: 'forged' });
    await expect(rig.client.exchangeCode({ ...flow, provider, parameters: forged })).rejects.toMatchObject({
      stage: 'verification',
    });
  });

  it('do not count where the callback has them twice', async () => {
    rig.upstream.answer('/token', { body: { access_token: 'fixture-a' } });
    const parameters: [string, string][] = [
      ...Object.entries({ code: 'c', state: 's', realmId: '1' }),
      ['realmId', '2'],
    ];
    const provider = rig.create(realm(false));
    const { accountData } = await rig.client.exchangeCode({ ...flow, provider, parameters });
    expect(accountData).toEqual({});
  });

  it('name with what was obtained what its provider told before, so that it can be taken back there', async () => {
    const values = {
      area: { from: 'callback', path: 'area' },
      site: { from: 'userinfo', path: 'site', required: true },
    };
    const failed = connect(rig.create({ account: { values } }), { callback: { area: 'eu' } });
    await expect(failed).rejects.toMatchObject({ obtained: { accountData: { area: 'eu' } } });
  });

  it('name what was obtained where the account lacks one that is required', async () => {
    const provider = rig.create({ account: { values: { site: { from: 'userinfo', path: 'site', required: true } } } });
    await expect(connect(provider)).rejects.toMatchObject({
      stage: 'exchange',
      obtained: { tokenSet: { accessToken: 'fixture-a' } },
    });
  });

  it('fill the token endpoint from the callback, and the API from the answer; a default gives way to them', async () => {
    const { host } = new URL(rig.upstream.origin);
    rig.upstream.answer('/acme/eu/token', { body: { access_token: 'fixture-eu', path: 'v9' } });
    rig.upstream.answer('/v9/me', { body: { id: 'u1' } });
    const provider = rig.create(
      {
        inputs: { realm: { title: 'Realm' } },
        account: {
          values: {
            area: { from: 'callback', path: 'location', default: 'us', pattern: '[a-z]+' },
            version: { from: 'token', path: 'path', default: 'v1' },
          },
          subject: { from: 'userinfo', path: 'id' },
        },
      },
      {
        tokenUrl: `http://${host}/{realm}/{area}/token`,
        apiBaseUrl: `http://${host}/{version}`,
        userInfoEndpoint: '/me',
      },
    );
    const connected = await connect(placeProvider(provider, { realm: 'acme' }), { callback: { location: 'eu' } });
    expect(connected).toMatchObject({
      tokenSet: { accessToken: 'fixture-eu' },
      accountData: { area: 'eu', version: 'v9' },
      subject: 'u1',
    });
  });

  it('are of one connection each, also where its provider is known from another one', async () => {
    const { host } = new URL(rig.upstream.origin);
    const written = { account: { values: { area: { from: 'callback', path: 'location' } } } };
    const provider = rig.create(written, { tokenUrl: `http://${host}/{area}/token` });
    for (const location of ['us', 'in']) {
      rig.upstream.answer(`/${location}/token`, { body: { access_token: `fixture-${location}` } });
      const { tokenSet } = await connect(provider, { callback: { location } });
      expect(tokenSet.accessToken).toBe(`fixture-${location}`);
    }
  });

  it('S-1: never lead to a host that the profile does not list', async () => {
    const written = {
      account: { values: { server: { from: 'callback', path: 'server', allowed_hosts: ['.zoho.example'] } } },
    };
    const provider = rig.create(written, { tokenUrl: 'https://{server}/token' });
    const before = rig.upstream.requests().length;
    for (const server of ['127.0.0.1', 'evil.example', 'zoho.example.evil.example', 'a.zoho.example/x?']) {
      await expect(connect(provider, { callback: { server } })).rejects.toMatchObject({
        failure: { class: 'configuration' },
      });
    }
    expect(rig.upstream.requests()).toHaveLength(before);
  });
});
