import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createAgentKey,
  expireSession,
  forgeSessionToken,
  type OpenedSession,
  openSession,
  readThrough,
  registerAgent,
  requestSession,
  summarise,
  type TestAgent,
} from '../support/agents.js';
import { createKey, type Requested, readAudit } from '../support/fixtures.js';
import { connectAs } from '../support/scripted-oauth.js';
import { type SessionWorld, startSessionWorld } from '../support/session-world.js';
import { engines, type Stack } from '../support/stack.js';

describe.each(engines)('a session of an agent, refused, on %s', (engine) => {
  let world: SessionWorld;
  let stack: Stack;
  let agent: TestAgent;
  let connection: Requested;
  let operatorKey: string;

  beforeAll(async () => {
    world = await startSessionWorld(engine);
    ({ stack, operatorKey } = world);
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    ({ agent, connection } = await world.enter());
  });

  const exact = () => ({ connection_id: connection.connection_id, scopes: ['read', 'write'] });
  function patch(body: object) {
    return stack.broker('PATCH', `/admin/v1/agents/${agent.agentId}`, { body });
  }

  it.each([
    ['a scope of nobody', { scopes: ['read', 'delete'] }, '403 scope_not_allowed'],
    ['a scope the connection was not granted', { scopes: ['read', 'admin'] }, '403 scope_not_granted'],
    ['no scope', { scopes: [] }, '400 invalid_request'],
    ['a scope that is none', { scopes: ['two words'] }, '400 invalid_request'],
    ['a life that is too long', { scopes: ['read'], ttl_seconds: 3601 }, '400 invalid_request'],
    ['no life', { scopes: ['read'], ttl_seconds: 0 }, '400 invalid_request'],
    ['an unknown connection', { scopes: ['read'], connection_id: 'nxc_unknown' }, '404 connection_not_found'],
    ['no connection', { scopes: ['read'], connection_id: undefined }, '400 invalid_request'],
    ['two selectors', { scopes: ['read'], workspace_id: 'w', provider_name: 'scripted' }, '400 invalid_request'],
    ['an unknown field', { scopes: ['read'], scope: 'read' }, '400 invalid_request'],
    [
      'a workspace, with the key of an agent',
      { scopes: ['read'], connection_id: undefined, workspace_id: 'workspace-1', provider_name: 'scripted' },
      '403 forbidden',
    ],
    ['another agent', { scopes: ['read'], agent_id: 'somebody-else' }, '403 forbidden'],
  ])('B6 B7: is not opened for %s', async (_what, body, refusal) => {
    const refused = await requestSession(stack, agent.key, { agent_id: agent.agentId, ...exact(), ...body });
    expect(summarise(refused)).toBe(refusal);
  });

  it('B7: an empty list allows nothing, and a missing one of providers allows all', async () => {
    const nobody = await registerAgent(stack, { allowed_scopes: [] });
    expect(summarise(await requestSession(stack, nobody.key, { agent_id: nobody.agentId, ...exact() }))).toBe(
      '403 scope_not_allowed',
    );
    const elsewhere = await registerAgent(stack, { allowed_scopes: ['read', 'write'], allowed_providers: ['other'] });
    expect(summarise(await requestSession(stack, elsewhere.key, { agent_id: elsewhere.agentId, ...exact() }))).toBe(
      '403 provider_not_allowed',
    );
  });

  it('is not opened for an agent that is unknown or deactivated', async () => {
    const unknown = await requestSession(stack, operatorKey, { agent_id: 'nobody', ...exact() });
    expect(summarise(unknown)).toBe('404 agent_not_found');
    await patch({ active: false });
    const inactive = await requestSession(stack, agent.key, { agent_id: agent.agentId, ...exact() });
    expect(summarise(inactive)).toBe('403 agent_inactive');
  });

  it('is not opened at a connection that is pending or deleted', async () => {
    const request = await stack.gateway('POST', '/v1/request-connection', {
      body: { workspace_id: 'w', provider_name: world.provider.name, return_url: 'http://127.0.0.1:1/return' },
    });
    const ask = (connection_id: string) =>
      requestSession(stack, agent.key, { agent_id: agent.agentId, scopes: ['read'], connection_id });
    expect(summarise(await ask(request.body.connection_id))).toBe('409 connection_not_active');
    await stack.gateway('DELETE', `/v1/connections/${connection.connection_id}`, { key: operatorKey });
    expect(summarise(await ask(connection.connection_id))).toBe('410 connection_revoked');
  });

  it.each([
    ['no token', () => ({})],
    ['a key', () => ({ Authorization: `Bearer ${agent.key}` })],
    ['a key in its own header', () => ({ 'X-API-Key': operatorKey })],
    ['a guessed token', () => ({ Authorization: `Bearer ${forgeSessionToken()}` })],
    ['another scheme', (token: string) => ({ Authorization: `Basic ${token}` })],
    ['a connection id', () => ({ Authorization: `Bearer ${connection.connection_id}` })],
  ])('is not read with %s', async (_what, headersOf) => {
    const session = await openSession(stack, agent, exact());
    const headers = headersOf(session.access_token) as Record<string, string>;
    const refused = await stack.gateway('GET', `/v1/agent-sessions/${session.session_id}/token`, { headers });
    expect(summarise(refused)).toBe('401 invalid_session_token');
    expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  it('is not read with the token of another session', async () => {
    const [one, two] = [await openSession(stack, agent, exact()), await openSession(stack, agent, exact())];
    const mixed = { session_id: one.session_id, access_token: two.access_token };
    expect(summarise(await readThrough(stack, mixed))).toBe('401 invalid_session_token');
  });

  it('B6: shows and closes an agent its own sessions only, and an application those it opened', async () => {
    const session = await openSession(stack, agent, exact());
    const stranger = await registerAgent(stack, { allowed_scopes: [] });
    const app = (await createKey(stack, 'app')).key;
    for (const key of [stranger.key, app]) {
      expect(summarise(await world.statusOf(session, key))).toBe('404 session_not_found');
      expect(summarise(await world.closeSession(session, key))).toBe('404 session_not_found');
    }
    expect((await readThrough(stack, session)).status).toBe(200);
    expect((await world.closeSession(session, operatorKey)).status).toBe(200);
  });

  it('an application opens sessions at its own connections only, by id and by workspace', async () => {
    const [ours, theirs] = [await createKey(stack, 'app'), await createKey(stack, 'app')];
    const body = {
      workspace_id: 'ws-app',
      provider_name: world.provider.name,
      return_url: 'http://127.0.0.1:1/return',
    };
    const requested = await stack.gateway('POST', '/v1/request-connection', { key: ours.key, body });
    await connectAs(stack, requested.body, 'owned');
    const byId = { connection_id: requested.body.connection_id };
    const byWorkspace = { workspace_id: 'ws-app', provider_name: world.provider.name };
    for (const selector of [byId, byWorkspace]) {
      const ask = { agent_id: agent.agentId, scopes: ['read', 'write'], ...selector };
      const opened = await requestSession(stack, ours.key, ask);
      expect(opened.status).toBe(201);
      expect((await readThrough(stack, opened.body)).status).toBe(200);
      expect(summarise(await requestSession(stack, theirs.key, ask))).toBe('404 connection_not_found');
    }
  });

  it('several connections of a workspace are ambiguous until one is chosen', async () => {
    const key = operatorKey;
    const workspace_id = `ws-${agent.agentId}`;
    const body = { workspace_id, provider_name: world.provider.name, return_url: 'http://127.0.0.1:1/return' };
    const refs: string[] = [];
    for (const login of ['twin1', 'twin2']) {
      const requested = await stack.gateway('POST', '/v1/request-connection', { key, body });
      await connectAs(stack, requested.body, login);
      refs.push(requested.body.connection_ref);
    }
    const ask = { agent_id: agent.agentId, scopes: ['read'], workspace_id, provider_name: world.provider.name };
    const ambiguous = await requestSession(stack, key, ask);
    expect(summarise(ambiguous)).toBe('409 connection_ambiguous');
    for (const ref of refs) expect(ambiguous.body.message).toContain(ref);
    const chosen = await requestSession(stack, key, { ...ask, connection_ref: refs[1] });
    expect(chosen.body.connection_ref).toBe(refs[1]);
  });
});

describe.each(engines)('the number of sessions one key may have open, on %s', (engine) => {
  const cap = 5;
  let world: SessionWorld;

  beforeAll(async () => {
    world = await startSessionWorld(engine, { SESSION_CAP_PER_KEY: String(cap) });
  });
  afterAll(() => world.close());

  it('is kept when many are asked for at once, and each that ends makes room for one', async () => {
    const { stack } = world;
    const { agent, connection } = await world.enter();
    const body = {
      agent_id: agent.agentId,
      connection_id: connection.connection_id,
      scopes: ['read', 'write'],
    };
    const ask = (times: number, key = agent.key) =>
      Promise.all(Array.from({ length: times }, () => requestSession(stack, key, body)));
    const answers = await ask(40);
    const opened = answers.filter((answer) => answer.status === 201).map((answer) => answer.body as OpenedSession);
    const refused = answers.filter((answer) => answer.status !== 201);
    expect([opened.length, refused.length]).toEqual([cap, 40 - cap]);
    for (const answer of refused) {
      expect(summarise(answer)).toBe('429 rate_limited');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    const [first, second] = opened as [OpenedSession, OpenedSession];
    await world.closeSession(first, agent.key);
    expect((await ask(4)).map(summarise).sort()).toEqual(['201', ...Array(3).fill('429 rate_limited')]);
    await expireSession(stack, second);
    expect((await ask(4)).map(summarise).sort()).toEqual(['201', ...Array(3).fill('429 rate_limited')]);

    const other = await createAgentKey(stack, agent.agentId);
    expect((await ask(cap + 1, other.key)).map(summarise).sort()).toEqual([
      ...Array(cap).fill('201'),
      '429 rate_limited',
    ]);
    const refusals = (await readAudit(stack, connection.connection_ref)).filter(
      (event) => event.event_type === 'session.refused',
    );
    expect(refusals).toHaveLength(40 - cap + 3 + 3 + 1);
    for (const refusal of refusals) expect(refusal.data.code).toBe('rate_limited');
  });
});
