import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type OpenedSession,
  openSession,
  readThrough,
  requestSession,
  summarise,
  type TestAgent,
} from '../support/agents.js';
import { type Requested, readAudit, registerStaticProvider } from '../support/fixtures.js';
import { type SessionWorld, startSessionWorld } from '../support/session-world.js';
import { engines, type Stack } from '../support/stack.js';

describe.each(engines)('a session of an agent on %s', (engine) => {
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

  it('opens, reads the credential, tells its state and closes', async () => {
    const opened = await requestSession(stack, agent.key, { agent_id: agent.agentId, ...exact() });
    expect(opened.status).toBe(201);
    expect(opened.body).toEqual({
      session_id: expect.stringMatching(/^sess_[0-9A-Z]{26}$/),
      agent_id: agent.agentId,
      connection_ref: connection.connection_ref,
      access_token: expect.stringMatching(/^nxs_[0-9A-Za-z]{49}$/),
      token_type: 'session',
      scopes_granted: ['read', 'write'],
      expires_at: expect.any(String),
      active: true,
      obo: false,
    });
    const lifetime = Date.parse(opened.body.expires_at) - Date.now();
    expect(lifetime).toBeGreaterThan(880_000);
    expect(lifetime).toBeLessThanOrEqual(901_000);
    const read = await readThrough(stack, opened.body);
    expect(read.status).toBe(200);
    const direct = await stack.gateway('GET', `/v1/token/${connection.connection_id}`);
    expect(read.body).toEqual({ ...direct.body, narrowed: false });
    const state = await world.statusOf(opened.body, agent.key);
    expect(state.body).toEqual({
      session_id: opened.body.session_id,
      agent_id: agent.agentId,
      connection_ref: connection.connection_ref,
      scopes_granted: ['read', 'write'],
      created_at: expect.any(String),
      expires_at: opened.body.expires_at,
      active: true,
      closed_at: null,
      obo: false,
    });
    for (let times = 0; times < 2; times++) {
      expect((await world.closeSession(opened.body)).body).toEqual({
        session_id: opened.body.session_id,
        status: 'closed',
        active: false,
      });
    }
    expect((await world.statusOf(opened.body)).body).toMatchObject({ active: false, closed_at: expect.any(String) });
    expect(summarise(await readThrough(stack, opened.body))).toBe('401 invalid_session_token');
  });

  it('B9: a read that begins after the close is refused, whatever runs at the same time', async () => {
    const session = await openSession(stack, agent, exact());
    const reads = Array.from({ length: 20 }, () => readThrough(stack, session));
    await world.closeSession(session);
    const after = await Promise.all(Array.from({ length: 20 }, () => readThrough(stack, session)));
    expect(new Set(after.map(summarise))).toEqual(new Set(['401 invalid_session_token']));
    for (const early of await Promise.all(reads)) expect([200, 401]).toContain(early.status);
  });

  it.each([
    ['its agent lost a scope', async () => patch({ allowed_scopes: ['read'] }), '403 scope_not_allowed', false],
    ['its agent lost every scope', async () => patch({ allowed_scopes: [] }), '403 scope_not_allowed', false],
    ['its agent lost the provider', async () => patch({ allowed_providers: [] }), '403 provider_not_allowed', false],
    ['its agent was deactivated', async () => patch({ active: false }), '403 agent_inactive', true],
    [
      'its agent was deregistered',
      () => stack.broker('DELETE', `/admin/v1/agents/${agent.agentId}`),
      '401 invalid_session_token',
      true,
    ],
    [
      'its key was revoked',
      () => stack.broker('DELETE', `/admin/v1/agents/${agent.agentId}/keys/${agent.keyId}`),
      '401 invalid_session_token',
      true,
    ],
    [
      'its connection was deleted',
      () => stack.gateway('DELETE', `/v1/connections/${connection.connection_id}`, { key: operatorKey }),
      '401 invalid_session_token',
      true,
    ],
  ])('B8: is refused at the next use once %s', async (_what, change, refusal, closes) => {
    const session = await openSession(stack, agent, exact());
    expect((await readThrough(stack, session)).status).toBe(200);
    expect((await change()).status).toBe(200);
    expect(summarise(await readThrough(stack, session))).toBe(refusal);
    const state = (await world.statusOf(session)).body;
    expect(state.active).toBe(false);
    expect(state.closed_at !== null).toBe(closes);
  });

  it('comes back with a scope that is allowed again, and not with an agent that is activated again', async () => {
    const session = await openSession(stack, agent, exact());
    await patch({ allowed_scopes: ['read'] });
    await patch({ allowed_scopes: ['read', 'write'] });
    expect((await readThrough(stack, session)).status).toBe(200);
    await patch({ active: false });
    await patch({ active: true });
    expect(summarise(await readThrough(stack, session))).toBe('401 invalid_session_token');
  });

  it('at a static connection scopes are labels, checked against the agent alone', async () => {
    const name = `static-${agent.agentId}`;
    await registerStaticProvider(stack, { name });
    const requested = await stack.gateway('POST', '/v1/request-connection', {
      body: { workspace_id: 'w', provider_name: name, return_url: 'http://127.0.0.1:1/return' },
    });
    const body = { state: requested.body.state, credentials: { api_key: 'fixture-key' } };
    expect((await stack.gateway('POST', '/v1/capture-credential', { body })).status).toBe(200);
    const { connection_id } = requested.body;
    const session = await openSession(stack, agent, { connection_id, scopes: ['admin'] });
    const read = await readThrough(stack, session);
    expect(read.body).toMatchObject({ narrowed: false, scope: '', credentials: { api_key: 'fixture-key' } });
    const ask = { agent_id: agent.agentId, connection_id, scopes: ['label-of-nobody'] };
    expect(summarise(await requestSession(stack, agent.key, ask))).toBe('403 scope_not_allowed');
  });

  it('A10: every issue, refusal, use and close is recorded with agent, key, scopes and session', async () => {
    const session = await openSession(stack, agent, exact());
    await requestSession(stack, agent.key, { agent_id: agent.agentId, ...exact(), scopes: ['admin'] });
    await readThrough(stack, session);
    await world.closeSession(session, agent.key);
    const events = (await readAudit(stack, connection.connection_ref)).filter(
      (event) => event.agent_id === agent.agentId,
    );
    expect(events.map((event) => event.event_type)).toEqual([
      'session.created',
      'session.refused',
      'token.retrieved',
      'session.closed',
    ]);
    const [created, refused, used, closed] = events;
    const key = { type: 'key', id: agent.keyId, key_hint: agent.key.slice(-4) };
    expect(created).toMatchObject({
      actor: key,
      session_id: session.session_id,
      provider_name: world.provider.name,
      workspace_id: 'workspace-1',
      data: { scopes: ['read', 'write'], expires_at: session.expires_at, obo: false },
    });
    expect(refused).toMatchObject({
      actor: key,
      outcome: 'refused',
      provider_name: world.provider.name,
      workspace_id: 'workspace-1',
      data: { code: 'scope_not_granted', scopes: ['admin'] },
    });
    expect(used).toMatchObject({
      actor: { type: 'session', id: session.session_id },
      session_id: session.session_id,
      data: { scopes: ['read', 'write'], narrowed: false, opened_by: agent.keyId },
    });
    expect(closed).toMatchObject({
      actor: key,
      session_id: session.session_id,
      provider_name: world.provider.name,
      data: { reason: 'closed', opened_by: agent.keyId, scopes: ['read', 'write'] },
    });
    expect(JSON.stringify(events)).not.toContain(session.access_token);
  });

  it('A10: a read that is refused through an open session is recorded with agent, session, scopes, key and tenant', async () => {
    const [cut, wide] = [
      await openSession(stack, agent, exact()),
      await openSession(stack, agent, { ...exact(), scopes: ['read'] }),
    ];
    expect(summarise(await readThrough(stack, wide))).toBe('403 cannot_narrow_token');
    await patch({ allowed_scopes: ['read'] });
    expect(summarise(await readThrough(stack, cut))).toBe('403 scope_not_allowed');
    const failures = (await readAudit(stack, connection.connection_ref)).filter(
      (event) => event.event_type === 'token.retrieval_failed',
    );
    const refusal = (session: OpenedSession, code: string) => ({
      actor: { type: 'session', id: session.session_id },
      outcome: 'failure',
      agent_id: agent.agentId,
      session_id: session.session_id,
      connection_ref: connection.connection_ref,
      workspace_id: 'workspace-1',
      data: { code, scopes: session.scopes_granted, opened_by: agent.keyId, tenant_id: null, route: 'getSessionToken' },
    });
    expect(failures).toMatchObject([refusal(wide, 'cannot_narrow_token'), refusal(cut, 'scope_not_allowed')]);
  });
});
