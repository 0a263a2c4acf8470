import type { ErrorCode } from '@nexus/core/errors';
import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { ExchangedToken } from '../../schemas/v1/oauth.js';
import { brokerError } from '../../testing/fake-broker.js';
import { connectionRef, delegation, openedFixture, sessionId } from '../../testing/fixtures.js';
import type { World } from '../../testing/world.js';
import { openWorld, readOAuthRefusal } from '../../testing/world.js';

const create = 'POST /internal/v1/sessions/create';
const obo = 'POST /internal/v1/sessions/obo';
const path = '/v1/oauth/token';
const connectionId = createToken('nxc');
const userToken = 'header.payload.signature';
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';

const byConnection = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token: connectionId,
  subject_token_type: 'urn:nexus:params:token-type:connection',
  scope: 'openid email',
};

const byUser = {
  ...byConnection,
  subject_token: userToken,
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  audience: 'acme',
};

function openedFor(seconds: number) {
  return { ...openedFixture(), expires_at: new Date(Date.now() + seconds * 1000).toISOString() };
}

function without(form: Record<string, string>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(form).filter(([key]) => key !== name));
}

function exchange(world: World, form: Readonly<Record<string, string>>) {
  return world.send('POST', path, { client: world.client, form });
}

function authorizationOf(world: World): string {
  const { agentId, key } = world.client;
  return `Basic ${Buffer.from(`${agentId}:${key}`).toString('base64')}`;
}

describe('exchangeToken', () => {
  it('opens a session with a connection as the subject', async () => {
    await using world = await openWorld();
    const opened = openedFor(900);
    world.broker.on(create, { body: opened });
    const response = await exchange(world, { ...byConnection, requested_token_type: accessTokenType });
    expect(response.status).toBe(200);
    const { expires_in, ...answer } = ExchangedToken.strict().parse(await response.json());
    expect(answer).toEqual({
      access_token: opened.access_token,
      issued_token_type: accessTokenType,
      token_type: 'Bearer',
      scope: 'openid email',
      session_id: sessionId,
    });
    expect([899, 900]).toContain(expires_in);
    expect([response.headers.get('cache-control'), response.headers.get('pragma')]).toEqual(['no-store', 'no-cache']);
    const call = world.broker.callTo(create);
    expect(call.body).toEqual({
      agent_id: world.client.agentId,
      connection_id: connectionId,
      scopes: ['openid', 'email'],
    });
    expect(call.headers['x-nexus-caller-key']).toBe(world.client.key);
  });

  it.each([
    [byUser, { provider_name: 'acme' }],
    [
      { ...byUser, connection_ref: connectionRef },
      { provider_name: 'acme', connection_ref: connectionRef },
    ],
    [{ ...without(byUser, 'audience'), connection_id: connectionId }, { connection_id: connectionId }],
  ])('opens a session for a user with that user’s token, %#', async (form, selector) => {
    await using world = await openWorld();
    world.broker.on(obo, { body: { ...openedFor(900), obo: true, ...delegation } });
    const response = await exchange(world, form);
    expect(response.status).toBe(200);
    expect(ExchangedToken.strict().parse(await response.json())).toMatchObject({ session_id: sessionId });
    expect(world.broker.callTo(obo).body).toEqual({
      agent_id: world.client.agentId,
      scopes: ['openid', 'email'],
      user_context_token: userToken,
      ...selector,
    });
  });

  it('ignores parameters it does not know, and those without a value', async () => {
    await using world = await openWorld();
    world.broker.on(create, { body: openedFor(900) });
    const empty = { actor_token: '', resource: '', audience: '', client_secret: '', requested_token_type: '' };
    const response = await exchange(world, { ...byConnection, ...empty, ttl_seconds: '9', 'x[]': 'y' });
    expect(response.status).toBe(200);
    expect(Object.keys(world.broker.callTo(create).body as object).sort()).toEqual([
      'agent_id',
      'connection_id',
      'scopes',
    ]);
  });

  it('never says that a token lives for no time at all', async () => {
    await using world = await openWorld();
    world.broker.on(create, { body: openedFor(-5) });
    expect(await (await exchange(world, byConnection)).json()).toMatchObject({ expires_in: 1 });
  });

  it.each([
    ['no grant type', without(byConnection, 'grant_type'), 'invalid_request'],
    ['an empty grant type', { ...byConnection, grant_type: '' }, 'invalid_request'],
    ['another grant type', { ...byConnection, grant_type: 'client_credentials' }, 'unsupported_grant_type'],
    ['no subject token', without(byConnection, 'subject_token'), 'invalid_request'],
    ['no subject token type', without(byConnection, 'subject_token_type'), 'invalid_request'],
    ['an access token as subject', { ...byConnection, subject_token_type: accessTokenType }, 'invalid_request'],
    [
      'another type to be issued',
      { ...byConnection, requested_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
      'invalid_request',
    ],
    ['an actor token', { ...byUser, actor_token: 'x' }, 'invalid_request'],
    ['an actor token type', { ...byUser, actor_token_type: accessTokenType }, 'invalid_request'],
    ['a resource', { ...byUser, resource: 'https://api.example' }, 'invalid_target'],
    ['no audience with a user', without(byUser, 'audience'), 'invalid_target'],
    ['an audience that is no provider name', { ...byUser, audience: 'x'.repeat(64) }, 'invalid_target'],
    ['an audience and a connection', { ...byUser, connection_id: connectionId }, 'invalid_request'],
    ['an audience beside a connection as subject', { ...byConnection, audience: 'acme' }, 'invalid_request'],
    ['a second connection', { ...byConnection, connection_id: connectionId }, 'invalid_request'],
    ['a subject that is too long', { ...byConnection, subject_token: 'x'.repeat(129) }, 'invalid_request'],
    ['a user token that is too long', { ...byUser, subject_token: 'x'.repeat(16_385) }, 'invalid_request'],
    ['a ref that is too long', { ...byUser, connection_ref: 'x'.repeat(65) }, 'invalid_request'],
    ['no scope', without(byConnection, 'scope'), 'invalid_scope'],
    ['an empty scope', { ...byConnection, scope: '' }, 'invalid_scope'],
    ['two spaces between scopes', { ...byConnection, scope: 'openid  email' }, 'invalid_scope'],
    ['a scope with a quote', { ...byConnection, scope: 'open"id' }, 'invalid_scope'],
    [
      '101 scopes',
      { ...byConnection, scope: Array.from({ length: 101 }, (_, i) => `s${i}`).join(' ') },
      'invalid_scope',
    ],
  ])('refuses %s', async (_name, form, error) => {
    await using world = await openWorld();
    const response = await exchange(world, form);
    expect(await readOAuthRefusal(response)).toEqual([400, error]);
    expect(await response.text()).not.toMatch(/x{20}|nxc_|header\.payload/);
    expect(world.broker.calls).toEqual([]);
  });

  it('refuses a parameter that is sent twice', async () => {
    await using world = await openWorld();
    const body = `${new URLSearchParams(byUser)}&audience=other`;
    const headers = {
      'Content-Type': 'application/x-www-form-urlencoded',
      Authorization: authorizationOf(world),
    };
    const response = await world.gateway.app.request(path, { method: 'POST', headers, body });
    expect(await readOAuthRefusal(response)).toEqual([400, 'invalid_request']);
    expect(world.broker.calls).toEqual([]);
  });
});

describe('refusals of the Broker in the words of OAuth', () => {
  it.each([
    ['missing_api_key', 401, 'invalid_client', 'invalid_client'],
    ['invalid_api_key', 401, 'invalid_client', 'invalid_client'],
    ['forbidden', 401, 'invalid_client', 'invalid_client'],
    ['agent_not_found', 401, 'invalid_client', 'invalid_client'],
    ['agent_inactive', 400, 'unauthorized_client', 'unauthorized_client'],
    ['scope_not_allowed', 400, 'invalid_scope', 'invalid_scope'],
    ['scope_not_granted', 400, 'invalid_scope', 'invalid_scope'],
    ['user_not_authorized_for_scope', 400, 'invalid_scope', 'invalid_scope'],
    ['provider_not_allowed', 400, 'invalid_target', 'invalid_target'],
    ['provider_not_found', 400, 'invalid_target', 'invalid_target'],
    ['connection_ambiguous', 400, 'invalid_target', 'invalid_target'],
    ['connection_not_found', 400, 'invalid_request', 'invalid_target'],
    ['connection_not_active', 400, 'invalid_request', 'invalid_target'],
    ['attention_required', 400, 'invalid_request', 'invalid_target'],
    ['connection_revoked', 400, 'invalid_request', 'invalid_target'],
    ['invalid_user_context_token', 400, 'invalid_request', 'invalid_request'],
    ['invalid_request', 400, 'invalid_request', 'invalid_request'],
    ['rate_limited', 429, 'temporarily_unavailable', 'temporarily_unavailable'],
    ['provider_unavailable', 503, 'temporarily_unavailable', 'temporarily_unavailable'],
    ['user_verification_unavailable', 503, 'temporarily_unavailable', 'temporarily_unavailable'],
    ['audit_unavailable', 503, 'temporarily_unavailable', 'temporarily_unavailable'],
    ['broker_unavailable', 503, 'temporarily_unavailable', 'temporarily_unavailable'],
    ['internal_error', 500, 'server_error', 'server_error'],
    ['static_token', 500, 'server_error', 'server_error'],
  ] as const)('says %s as %i %s, or %s for a user', async (code: ErrorCode, status, ofConnection, ofUser) => {
    await using world = await openWorld();
    for (const [route, form, error] of [
      [create, byConnection, ofConnection],
      [obo, byUser, ofUser],
    ] as const) {
      world.broker.on(route, { ...brokerError(code), headers: { 'retry-after': '7' } });
      const response = await exchange(world, form);
      expect(await readOAuthRefusal(response)).toEqual([status, error]);
      expect(response.headers.get('www-authenticate')).toBe(status === 401 ? 'Basic realm="nexus"' : null);
      expect(response.headers.get('retry-after')).toBe(status === 429 || status === 503 ? '7' : null);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('x-request-id')).toMatch(/^[0-9A-Z]{26}$/);
    }
  });

  it('spells what no description may hold in characters that it may', async () => {
    await using world = await openWorld();
    world.broker.on(create, brokerError('scope_not_allowed', { message: 'no `a`, "b", \\c, ü, d’s\n…' }));
    const response = await exchange(world, byConnection);
    expect(await response.json()).toEqual({
      error: 'invalid_scope',
      error_description: "no `a`, 'b', ?c, ?, d's?...",
    });
  });

  it('keeps an answer that breaks its own code to itself', async () => {
    await using world = await openWorld();
    world.broker.on(create, { body: { marker: 'MARKER' } });
    const response = await exchange(world, byConnection);
    expect(await readOAuthRefusal(response)).toEqual([500, 'server_error']);
    expect(await response.text()).not.toMatch(/MARKER|join|\.ts/);
  });

  it('logs neither tokens nor the key of the client', async () => {
    await using world = await openWorld();
    const opened = openedFor(900);
    world.broker.on(create, { body: opened });
    world.broker.on(obo, brokerError('internal_error'));
    await exchange(world, byConnection);
    await exchange(world, byUser);
    const text = world.gateway.log.lines.join('\n');
    expect(text).toContain(path);
    const secrets = [opened.access_token, connectionId, userToken, world.client.key, authorizationOf(world)];
    for (const secret of secrets) {
      expect(text).not.toContain(secret);
    }
  });
});
