import { createToken } from '@nexus/core/tokens';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createAgentKey,
  openSession,
  readThrough,
  registerAgent,
  requestSession,
  summarise,
  type TestAgent,
} from '../support/agents.js';
import { type Requested, readAudit } from '../support/fixtures.js';
import {
  accessTokenType,
  authenticate,
  connectionType,
  discoverDoor,
  jwtType,
  type OauthClient,
  postForm,
  summariseOauth,
  tokenExchange,
} from '../support/oauth-door.js';
import { type Answer, engines, type Stack } from '../support/stack.js';
import { startUserIssuer, type UserIssuer } from '../support/user-issuer.js';
import { startUserTokenWorld, type UserTokenWorld } from '../support/user-token-world.js';

const paths = ['/v1/oauth/token', '/v1/oauth/introspect', '/v1/oauth/revoke'];

describe.each(engines)('the standard door on %s', (engine) => {
  let world: UserTokenWorld;
  let stack: Stack;
  let agent: TestAgent;
  let issuer: UserIssuer;
  let connection: Requested;
  let door: openid.Configuration;

  beforeAll(async () => {
    world = await startUserTokenWorld(engine);
    ({ stack, agent } = world);
    issuer = await startUserIssuer(stack, { registration: { workspace_prefix: 'staff:' } });
    connection = await world.connect('staff:ada');
    door = await discoverDoor(stack, agent);
  });
  afterAll(async () => {
    await world.close();
    await issuer.close();
  });

  const signUser = (changes: object = {}) => issuer.sign({ sub: 'ada', scope: 'read write', ...changes });
  const byConnection = () => ({
    subject_token: connection.connection_id,
    subject_token_type: connectionType,
    scope: 'read write',
  });
  const byUser = async (changes: object = {}) => ({
    subject_token: await signUser(changes),
    subject_token_type: jwtType,
    audience: world.provider.name,
    scope: 'read write',
  });

  type Parameters = Readonly<Record<string, string>>;
  const exchangeAt = (configuration: openid.Configuration, parameters: Parameters) =>
    openid.genericGrantRequest(configuration, tokenExchange, parameters);
  const readBy = (tokens: openid.TokenEndpointResponse): Promise<Answer> =>
    readThrough(stack, { session_id: String(tokens['session_id']), access_token: tokens.access_token });
  /** A form sent without any library, as the agent unless said otherwise. */
  const send = (parameters: Parameters | string, client: OauthClient = agent, path = '/v1/oauth/token') =>
    postForm(stack, path, parameters, authenticate(client));

  it.each([
    ['a connection', byConnection, () => ({ sub: agent.agentId })],
    ['the token of a user', byUser, () => ({ sub: 'ada', act: { sub: agent.agentId } })],
  ])('serves an openid-client that exchanges %s, introspects and revokes', async (_what, subject, named) => {
    const tokens = await exchangeAt(door, await subject());
    expect({ ...tokens }).toEqual({
      access_token: expect.stringMatching(/^nxs_[0-9A-Za-z]{49}$/),
      issued_token_type: accessTokenType,
      token_type: 'bearer',
      expires_in: expect.any(Number),
      scope: 'read write',
      session_id: expect.stringMatching(/^sess_[0-9A-Z]{26}$/),
    });
    const read = await readBy(tokens);
    expect(read.body.credentials.access_token).toMatch(/^at-login-/);

    const state = await openid.tokenIntrospection(door, tokens.access_token);
    expect({ ...state }).toEqual({
      active: true,
      client_id: agent.agentId,
      scope: 'read write',
      ...named(),
      iat: expect.any(Number),
      exp: expect.any(Number),
      iss: stack.gatewayUrl,
      token_type: 'Bearer',
      session_id: tokens['session_id'],
      connection_ref: connection.connection_ref,
    });
    expect((state.exp ?? 0) - (state.iat ?? 0)).toBeLessThanOrEqual(900);
    expect(Math.abs((tokens.expires_in ?? 0) - ((state.exp ?? 0) - Date.now() / 1_000))).toBeLessThan(10);

    for (const _ of [1, 2]) await openid.tokenRevocation(door, tokens.access_token);
    expect(await openid.tokenIntrospection(door, tokens.access_token)).toEqual({ active: false });
    expect(summarise(await readBy(tokens))).toBe('401 invalid_session_token');
  });

  it('tells another agent nothing of a session, and takes no revocation from it', async () => {
    const other = await registerAgent(stack, { allowed_scopes: world.scopes });
    const theirs = await discoverDoor(stack, other);
    const tokens = await exchangeAt(door, byConnection());
    expect(await openid.tokenIntrospection(theirs, tokens.access_token)).toEqual({ active: false });
    await openid.tokenRevocation(theirs, tokens.access_token);
    expect((await openid.tokenIntrospection(door, tokens.access_token)).active).toBe(true);
    expect((await readBy(tokens)).status).toBe(200);
    for (const unknown of [createToken('nxs'), agent.key, connection.connection_id, await signUser()]) {
      expect(await openid.tokenIntrospection(door, unknown)).toEqual({ active: false });
      await openid.tokenRevocation(door, unknown);
    }
  });

  it('opens the same sessions as the frozen door, and knows those too', async () => {
    const session = await openSession(stack, agent, { connection_id: connection.connection_id, scopes: ['read'] });
    expect(await openid.tokenIntrospection(door, session.access_token)).toMatchObject({
      active: true,
      session_id: session.session_id,
      exp: Math.floor(Date.parse(session.expires_at) / 1_000),
    });
    const tokens = await exchangeAt(door, byConnection());
    const path = `/v1/agent-sessions/${tokens['session_id']}`;
    expect((await stack.gateway('GET', path, { key: agent.key })).body).toMatchObject({ active: true, obo: false });
    expect((await stack.gateway('DELETE', path, { key: agent.key })).status).toBe(200);
    expect(await openid.tokenIntrospection(door, tokens.access_token)).toEqual({ active: false });
    await openid.tokenRevocation(door, session.access_token);
    const closed = await stack.gateway('GET', `/v1/agent-sessions/${session.session_id}`, { key: agent.key });
    expect(closed.body).toMatchObject({ active: false, closed_at: expect.any(String) });
  });

  it('records the same as the frozen door', async () => {
    const own = { agent_id: agent.agentId, connection_id: connection.connection_id, scopes: world.scopes };
    const end = { exp: Math.floor(Date.now() / 1_000) + 120 };
    const frozen = [await requestSession(stack, agent.key, own), await world.ask(connection, await signUser(end))];
    const standard = [await exchangeAt(door, byConnection()), await exchangeAt(door, await byUser(end))];
    const ids = [...frozen.map(({ body }) => body.session_id), ...standard.map((tokens) => tokens['session_id'])];
    const events = await readAudit(stack, connection.connection_ref);
    const [agents, users, agentsToo, usersToo] = ids.map((id) => {
      const event = events.find((candidate) => candidate.session_id === id);
      const { route: _route, expires_at: _expires, ...data } = event.data;
      return { ...event, data, id: '', seq: 0, created_at: '', request_id: '', session_id: '', user_agent: '' };
    });
    expect(agents).toMatchObject({ event_type: 'session.created', actor: { type: 'key', id: agent.keyId } });
    expect(users).toMatchObject({ acting_for: 'ada', data: { obo: true, act: { sub: agent.agentId } } });
    expect(agentsToo).toEqual(agents);
    expect(usersToo).toEqual(users);
  });

  it.each(['team:reader', 'reader.v2', 'a.b:c-d_e'])('lets an agent in whose id is %s', async (agent_id) => {
    const odd = await registerAgent(stack, { agent_id, allowed_scopes: world.scopes });
    const theirs = await discoverDoor(stack, odd);
    const tokens = await exchangeAt(theirs, byConnection());
    expect(await openid.tokenIntrospection(theirs, tokens.access_token)).toMatchObject({ client_id: agent_id });
    expect((await readBy(tokens)).status).toBe(200);
  });

  it('lets nobody in who is no client, at any of its endpoints', async () => {
    const other = await registerAgent(stack, { allowed_scopes: world.scopes });
    const revoked = { ...agent, ...(await createAgentKey(stack, agent.agentId)) };
    await stack.broker('DELETE', `/admin/v1/agents/${agent.agentId}/keys/${revoked.keyId}`);
    const { connection_id } = connection;
    const session = await openSession(stack, agent, { connection_id, scopes: world.scopes });
    const good = authenticate(agent);
    const refused: readonly (readonly [string, Parameters, Parameters?])[] = [
      ['no authentication', {}],
      ['a wrong key', authenticate({ ...agent, key: createToken('nxk') })],
      ['no key', authenticate({ ...agent, key: '' })],
      ['a revoked key', authenticate(revoked)],
      ["another agent's key", authenticate({ ...agent, key: other.key })],
      ["another agent's id", authenticate({ ...agent, agentId: other.agentId })],
      ['the id of nobody', authenticate({ ...agent, agentId: 'nobody' })],
      ['the key of an application', authenticate({ ...agent, key: world.appKey })],
      ['the key of an administrator', authenticate({ ...agent, key: stack.adminKey })],
      ['an API key', { 'X-API-Key': agent.key }],
      ['a Bearer key', { Authorization: `Bearer ${agent.key}` }],
      ['its session token', { Authorization: `Bearer ${session.access_token}` }],
      ['a secret in the form', {}, { client_id: agent.agentId, client_secret: agent.key }],
      ['a second secret in the form', good, { client_secret: agent.key }],
      ['another client in the form', good, { client_id: other.agentId }],
    ];
    for (const path of paths) {
      for (const [what, headers, more = {}] of refused) {
        const form = { grant_type: tokenExchange, ...byConnection(), token: session.access_token, ...more };
        const answer = await postForm(stack, path, form, headers);
        expect([what, summariseOauth(answer)]).toEqual([what, '401 invalid_client']);
        expect(answer.headers.get('www-authenticate')).toBe('Basic realm="nexus"');
      }
    }
    expect((await readThrough(stack, session)).status).toBe(200);
    const wrong = await discoverDoor(stack, { ...agent, key: createToken('nxk') });
    await expect(exchangeAt(wrong, byConnection())).rejects.toMatchObject({ status: 401 });
  });

  it.each<readonly [string, string, () => Parameters | Promise<Parameters>]>([
    ['another grant', '400 unsupported_grant_type', () => ({ ...byConnection(), grant_type: 'client_credentials' })],
    ['no subject', '400 invalid_request', () => ({ ...byConnection(), subject_token: '' })],
    [
      'a subject of another type',
      '400 invalid_request',
      () => ({ ...byConnection(), subject_token_type: accessTokenType }),
    ],
    ['an unknown connection', '400 invalid_request', () => ({ ...byConnection(), subject_token: createToken('nxc') })],
    ['a user token that is unfit', '400 invalid_request', () => byUser({ aud: 'somebody-else' })],
    [
      'an actor of its own',
      '400 invalid_request',
      async () => ({ ...(await byUser()), actor_token: await signUser() }),
    ],
    ['no scope', '400 invalid_scope', () => ({ ...byConnection(), scope: '' })],
    ['a scope the agent may not have', '400 invalid_scope', () => ({ ...byConnection(), scope: 'read delete' })],
    ['a scope the connection was not granted', '400 invalid_scope', () => ({ ...byConnection(), scope: 'admin' })],
    ['a scope the user may not delegate', '400 invalid_scope', () => byUser({ scope: 'read' })],
    ['a provider nobody knows', '400 invalid_target', async () => ({ ...(await byUser()), audience: 'nobody' })],
    ['a resource', '400 invalid_target', async () => ({ ...(await byUser()), resource: 'https://api.example' })],
    ['a user without a connection', '400 invalid_target', () => byUser({ sub: 'nobody' })],
  ])('refuses %s as %s', async (_what, refusal, parameters) => {
    expect(summariseOauth(await send({ grant_type: tokenExchange, ...(await parameters()) }))).toBe(refusal);
    const request = exchangeAt(door, byConnection());
    await expect(request).resolves.toHaveProperty('access_token');
  });

  it('refuses a deactivated agent as unauthorized_client, which openid-client understands', async () => {
    const idle = await registerAgent(stack, { allowed_scopes: world.scopes });
    const theirs = await discoverDoor(stack, idle);
    const tokens = await exchangeAt(theirs, byConnection());
    await stack.broker('PATCH', `/admin/v1/agents/${idle.agentId}`, { body: { active: false } });
    for (const subject of [byConnection(), await byUser()]) {
      const answer = await send({ grant_type: tokenExchange, ...subject }, idle);
      expect(summariseOauth(answer)).toBe('400 unauthorized_client');
      await expect(exchangeAt(theirs, subject)).rejects.toMatchObject({ status: 400, error: 'unauthorized_client' });
    }
    expect(await openid.tokenIntrospection(theirs, tokens.access_token)).toEqual({ active: false });
  });

  it('says temporarily_unavailable, and when to return, while the keys of an issuer cannot be had', async () => {
    const broken = await startUserIssuer(stack, { registration: { workspace_prefix: 'broken:' } });
    try {
      broken.server.answer('/jwks', { status: 503, headers: { 'retry-after': '7' } });
      const subject_token = await broken.sign({ sub: 'ada', scope: 'read write' });
      const answer = await send({ grant_type: tokenExchange, ...(await byUser()), subject_token });
      expect(summariseOauth(answer)).toBe('503 temporarily_unavailable');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(7);
    } finally {
      await broken.close();
    }
  });

  it('refuses a parameter that is sent twice, and ignores those it does not know', async () => {
    const form = new URLSearchParams({ grant_type: tokenExchange, ...byConnection() }).toString();
    for (const twice of ['scope=read', 'grant_type=', 'unknown=1&unknown=2']) {
      expect(summariseOauth(await send(`${form}&${twice}`))).toBe('400 invalid_request');
    }
    const opened = await send(`${form}&unknown=1&__proto__=x&ttl_seconds=9&scopes[]=admin&workspace_id=w`);
    expect(opened.status).toBe(200);
    expect(opened.body).toMatchObject({ scope: 'read write', token_type: 'Bearer' });
    expect(opened.body.expires_in).toBeGreaterThan(850);
    expect([opened.headers.get('cache-control'), opened.headers.get('pragma')]).toEqual(['no-store', 'no-cache']);
    for (const path of paths.slice(1)) {
      const token = `token=${opened.body.access_token}`;
      expect(summariseOauth(await send(`${token}&${token}`, agent, path))).toBe('400 invalid_request');
      expect(summariseOauth(await send('token_type_hint=access_token', agent, path))).toBe('400 invalid_request');
      expect(summariseOauth(await send(`${token}&token_type_hint=refresh_token&x=1`, agent, path))).toBe('200');
    }
    const body = { grant_type: tokenExchange, ...byConnection() };
    const json = await stack.gateway('POST', '/v1/oauth/token', { headers: authenticate(agent), body });
    expect(summariseOauth(json)).toBe('400 invalid_request');
  });

  it('describes itself as RFC 8414 says, to everybody', async () => {
    const answer = await stack.gateway('GET', '/.well-known/oauth-authorization-server');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json']);
    const authMethods = ['client_secret_basic'];
    expect(answer.body).toEqual({
      issuer: stack.gatewayUrl,
      token_endpoint: `${stack.gatewayUrl}/v1/oauth/token`,
      introspection_endpoint: `${stack.gatewayUrl}/v1/oauth/introspect`,
      revocation_endpoint: `${stack.gatewayUrl}/v1/oauth/revoke`,
      token_endpoint_auth_methods_supported: authMethods,
      introspection_endpoint_auth_methods_supported: authMethods,
      revocation_endpoint_auth_methods_supported: authMethods,
      grant_types_supported: [tokenExchange],
      response_types_supported: ['none'],
    });
    expect(door.serverMetadata().issuer).toBe(stack.gatewayUrl);
    expect(door.serverMetadata().supportsPKCE()).toBe(false);
  });
});
