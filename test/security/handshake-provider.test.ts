import type { RunningOpenidProvider } from '@nexus/testkit/openid-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Requested, readAudit, registerOpenidProvider, requestConnection } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import {
  answerAuthorization,
  connectAs,
  registerScriptedOauth,
  type ScriptedOauth,
} from '../support/scripted-oauth.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';

const reserved = [
  'redirect_uri',
  'state',
  'nonce',
  'scope',
  'client_id',
  'response_type',
  'response_mode',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
];

describe.each(engines)('what a provider or its profile may do in a handshake on %s', (engine) => {
  let stack: Stack;
  let real: RunningOpenidProvider;
  let realId: string;
  let scripted: ScriptedOauth;

  beforeAll(async () => {
    stack = await startStack({ engine });
    ({ provider: real, providerId: realId } = await registerOpenidProvider(stack, { name: 'real' }));
    scripted = await registerScriptedOauth(stack);
  });
  afterAll(async () => {
    await stack.close();
    await Promise.all([real.close(), scripted.close()]);
  });

  const check = async (requested: Requested) =>
    (await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`)).body;
  const exchanges = () => real.tokenRequests().token['authorization_code'] ?? 0;
  const createProvider = (body: Readonly<Record<string, unknown>>): Promise<Answer> =>
    stack.broker('POST', '/admin/v1/providers', { body });

  async function expectFailure(requested: Requested, location: string, reason: string): Promise<void> {
    expect(Object.fromEntries(new URL(location).searchParams)).toEqual({
      status: 'failed',
      error: reason,
      connection_ref: requested.connection_ref,
      provider: expect.any(String),
    });
    expect(await check(requested)).toMatchObject({ status: 'failed', reason: { code: reason } });
    const failed = (await readAudit(stack, requested.connection_ref)).filter(
      (event) => event.event_type === 'connection.failed',
    );
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({ outcome: 'failure', data: { reason } });
  }

  it.each([
    ["is another server's", (url: URL) => url.searchParams.set('iss', 'http://127.0.0.1:9')],
    ['differs by a slash', (url: URL) => url.searchParams.set('iss', `${url.searchParams.get('iss')}/`)],
    ['is doubled', (url: URL) => url.searchParams.append('iss', 'http://127.0.0.1:9')],
    ['is missing although the metadata promises it', (url: URL) => url.searchParams.delete('iss')],
  ])('H7: an answer whose iss %s fails the flow before any exchange', async (_name, change) => {
    const requested = await requestConnection(stack, { provider_name: 'real' });
    const person = new Person(stack.gatewayUrl);
    const callback = new URL(await person.consent(requested.auth_url, real, 'ada'));
    expect(callback.searchParams.get('iss')).toBe(real.issuer);
    change(callback);
    const before = exchanges();
    const returned = await person.open(callback.href);
    await expectFailure(requested, returned.location, 'verification_failed');
    expect(exchanges()).toBe(before);
  });

  it('a person who declines is told apart from a failure', async () => {
    const requested = await requestConnection(stack, { provider_name: 'real' });
    const person = new Person(stack.gatewayUrl);
    const hop = await person.press(requested.auth_url);
    const callback = await real.consentAs(hop.location, { login: 'ada', deny: true });
    await expectFailure(requested, (await person.open(callback)).location, 'access_denied');
  });

  it('H8: a profile whose token endpoint lies off its other endpoints is refused, unless it lists that origin', async () => {
    const profile = {
      name: 'evil',
      auth_type: 'oauth2',
      client_id: 'nexus',
      client_secret: 'fixture-client-secret',
      auth_url: `${real.issuer}/auth`,
      token_url: scripted.server.url('/token'),
      scopes: ['email'],
    };
    const refused = await createProvider(profile);
    expect(refused.status).toBe(422);
    expect(refused.body.code).toBe('provider_unsafe');
    const allowed = await createProvider({ ...profile, allowed_origins: [real.issuer, scripted.server.origin] });
    expect(allowed.status).toBe(201);

    const requested = await requestConnection(stack, { provider_name: 'evil' });
    const hop = await new Person(stack.gatewayUrl).press(requested.auth_url);
    const before = scripted.server.requests('/token').length;
    const honest = await fetch(hop.location, { redirect: 'manual' });
    expect(honest.status).toBe(400);
    expect(await honest.text()).toContain('redirect_uri');
    expect(scripted.server.requests('/token')).toHaveLength(before);
  });

  it('H8: an issuer whose metadata says it is somebody else is not used', async () => {
    const liar = await registerScriptedOauth(stack, { name: 'liar', metadata: { issuer: real.issuer } });
    try {
      const requested = await requestConnection(stack, { provider_name: 'liar' });
      const page = await new Person(stack.gatewayUrl).press(requested.auth_url);
      expect(page.status).toBe(502);
      expect(page.location).toBe('');
      expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    } finally {
      await liar.close();
    }
  });

  it('H9: params cannot hold a protocol parameter, in any spelling, at registration or later', async () => {
    for (const name of reserved) {
      const spellings = [
        name,
        name.toUpperCase(),
        name.charAt(0).toUpperCase() + name.slice(1),
        ` ${name}`,
        `${name} `,
      ];
      for (const spelling of spellings) {
        const params = { [spelling]: 'x' };
        const created = await createProvider({ name: 'reserved', auth_type: 'oauth2', client_id: 'a', params });
        expect(created.body.code, spelling).toBe('reserved_parameter');
        expect(created.status).toBe(400);
        const patched = await stack.broker('PATCH', `/admin/v1/providers/${realId}`, { body: { params } });
        expect(patched.body.code, spelling).toBe('reserved_parameter');
        expect(patched.status).toBe(400);
      }
    }
    const kept = await stack.broker('GET', `/admin/v1/providers/${realId}`);
    expect(kept.body.params).toEqual({ prompt: 'consent' });
  });

  it("H9: whatever params and the endpoint's own query say, the request carries ours, each once", async () => {
    const noisy = await registerScriptedOauth(stack, {
      name: 'noisy',
      profile: { params: { access_type: 'offline', audience: 'a b&state=x', 'x-request': '1' } },
    });
    try {
      const patched = await stack.broker('PATCH', `/admin/v1/providers/${noisy.providerId}`, {
        body: { auth_url: noisy.server.url('/authorize?tenant=t&state=theirs&Client_ID=theirs&redirect_uri=theirs') },
      });
      expect(patched.status).toBe(200);
      const requested = await requestConnection(stack, { provider_name: 'noisy', login_hint: 'a&state=hint' });
      const hop = await new Person(stack.gatewayUrl).press(requested.auth_url);
      const query = new URL(hop.location).searchParams;
      for (const name of reserved) {
        const values = [...query].filter(([given]) => given.toLowerCase() === name).map(([, value]) => value);
        expect(values.length, name).toBeLessThanOrEqual(1);
        expect(values).not.toContain('theirs');
      }
      expect(query.get('client_id')).toBe('nexus');
      expect(query.get('response_type')).toBe('code');
      expect(query.get('state')).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(query.get('code_challenge')).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(Object.fromEntries(query)).toMatchObject({
        tenant: 't',
        access_type: 'offline',
        audience: 'a b&state=x',
        login_hint: 'a&state=hint',
      });
    } finally {
      await noisy.close();
    }
  });

  it('H18: a person who grants less leaves a connection with what was granted, and the audit says what is missing', async () => {
    const requested = await requestConnection(stack, { provider_name: 'real' });
    const person = new Person(stack.gatewayUrl);
    const hop = await person.press(requested.auth_url);
    const callback = await real.consentAs(hop.location, { login: 'frugal', refuseScopes: ['email'] });
    await person.open(callback);
    const { scopes } = await check(requested);
    expect(scopes).toContain('openid');
    expect(scopes).not.toContain('email');
    expect((await stack.gateway('GET', `/v1/token/${requested.connection_id}`)).body.scope.split(' ')).toEqual(scopes);
    const activated = (await readAudit(stack, requested.connection_ref)).find(
      (event) => event.event_type === 'connection.activated',
    );
    expect(activated?.data).toMatchObject({ scopes, missing_scopes: ['email'], excess_scopes: [] });
  });

  it('H18: a provider that grants more than asked is recorded with the excess', async () => {
    const requested = await requestConnection(stack, { provider_name: 'scripted', scopes: ['read'] });
    scripted.server.enqueue('/token', {
      body: { access_token: 'at-generous-1', token_type: 'bearer', expires_in: 60, scope: 'admin read' },
    });
    await connectAs(stack, requested, 'generous');
    expect([...(await check(requested)).scopes].sort()).toEqual(['admin', 'read']);
    const activated = (await readAudit(stack, requested.connection_ref)).find(
      (event) => event.event_type === 'connection.activated',
    );
    expect(activated?.data).toMatchObject({ excess_scopes: ['admin'], missing_scopes: [] });
  });

  it('H20: an account other than the expected one fails the flow, and its tokens are revoked at the provider', async () => {
    const requested = await requestConnection(stack, {
      provider_name: 'real',
      expected_subject: 'ada',
      login_hint: 'ada@example.test',
    });
    const before = real.revokedTokens().length;
    const returned = await new Person(stack.gatewayUrl).connect(requested.auth_url, real, 'mallory');
    await expectFailure(requested, returned.location, 'account_mismatch');
    const revoked = real.revokedTokens().slice(before);
    expect(revoked).toHaveLength(2);
    for (const token of revoked) expect(await real.isTokenActive(token)).toBe(false);
    expect((await stack.gateway('GET', `/v1/token/${requested.connection_id}`)).status).toBe(409);

    const expected = await requestConnection(stack, { provider_name: 'real', expected_subject: 'ada' });
    await new Person(stack.gatewayUrl).connect(expected.auth_url, real, 'ada');
    expect(await check(expected)).toMatchObject({ status: 'active', account: { subject: 'ada' } });
  });

  it('H20: a reconnect that another account answers changes nothing, and spares the grant that is in use', async () => {
    const requested = await requestConnection(stack, { provider_name: 'real' });
    await new Person(stack.gatewayUrl).connect(requested.auth_url, real, 'owner');
    const token = (await stack.gateway('GET', `/v1/token/${requested.connection_id}`)).body.credentials.access_token;
    const before = real.revokedTokens().length;
    const again = await requestConnection(stack, {
      provider_name: 'real',
      connection_id: requested.connection_id,
      expected_subject: 'somebody-else',
    });
    const returned = await new Person(stack.gatewayUrl).connect(again.auth_url, real, 'owner');
    expect(new URL(returned.location).searchParams.get('error')).toBe('account_mismatch');
    expect(await check(requested)).toMatchObject({ status: 'active', account: { subject: 'owner' } });
    expect(real.revokedTokens()).toHaveLength(before);
    expect(await real.isTokenActive(token)).toBe(true);
  });

  it('H20: an expected account that the provider cannot prove is refused', async () => {
    const blind = await registerScriptedOauth(stack, { name: 'blind', profile: { user_info_endpoint: null } });
    try {
      const requested = await requestConnection(stack, { provider_name: 'blind', expected_subject: 'ada' });
      const person = new Person(stack.gatewayUrl);
      const hop = await person.press(requested.auth_url);
      const returned = await person.open(answerAuthorization(hop.location, { code: 'code-ada-1' }));
      await expectFailure(requested, returned.location, 'account_mismatch');
    } finally {
      await blind.close();
    }
  });
});
