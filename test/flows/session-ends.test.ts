import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createAgentKey,
  expireKey,
  expireSession,
  type OpenedSession,
  openSession,
  readThrough,
  requestSession,
  summarise,
  type TestAgent,
} from '../support/agents.js';
import { type Requested, readAudit } from '../support/fixtures.js';
import { type SessionWorld, startSessionWorld } from '../support/session-world.js';
import { type Answer, engines, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

describe.each(engines)('the end of a session on %s', (engine) => {
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
  const about = async (session: OpenedSession) =>
    (await readAudit(stack, connection.connection_ref)).filter((event) => event.session_id === session.session_id);
  const endsOf = async (session: OpenedSession) =>
    (await about(session)).filter((event) => ['session.closed', 'session.expired'].includes(event.event_type));
  /** Nobody asks for these; the Broker sees by itself that the time is over. */
  const waitForEnd = (session: OpenedSession) =>
    waitFor('the end of a session in the log', async () => (await endsOf(session))[0] ?? null);

  it('comes by itself when its time is over, is recorded as expired, and stays', async () => {
    const session = await openSession(stack, agent, exact());
    expect((await readThrough(stack, session)).status).toBe(200);
    const expires_at = await expireSession(stack, session);
    expect(summarise(await readThrough(stack, session))).toBe('401 invalid_session_token');
    expect((await world.statusOf(session)).body).toMatchObject({ active: false, expires_at });
    expect(await waitForEnd(session)).toMatchObject({
      event_type: 'session.expired',
      actor: { type: 'system', id: null },
      outcome: 'success',
      agent_id: agent.agentId,
      provider_name: world.provider.name,
      workspace_id: 'workspace-1',
    });
    expect((await world.statusOf(session)).body).toMatchObject({ active: false, expires_at, closed_at: expires_at });
    expect((await world.closeSession(session)).body).toMatchObject({ status: 'closed', active: false });
    expect((await world.statusOf(session)).body.closed_at).toBe(expires_at);
    const ends = await endsOf(session);
    expect(ends.map((event) => event.data)).toEqual([
      { scopes: ['read', 'write'], opened_by: agent.keyId, obo: false, tenant_id: null },
    ]);
    expect(summarise(await readThrough(stack, session))).toBe('401 invalid_session_token');
  });

  it('B9: comes with the end of its key, for the sessions of that key alone', async () => {
    const key = await createAgentKey(stack, agent.agentId, { expires_at: '2100-01-01T00:00:00Z' });
    const session = await openSession(stack, { ...agent, ...key }, exact());
    const other = await openSession(stack, agent, exact());
    expect((await readThrough(stack, session)).status).toBe(200);
    await expireKey(stack, key);
    expect(summarise(await readThrough(stack, session))).toBe('401 invalid_session_token');
    expect((await world.statusOf(session)).body.active).toBe(false);
    const asked = await requestSession(stack, key.key, { agent_id: agent.agentId, ...exact() });
    expect(summarise(asked)).toBe('401 invalid_api_key');
    expect(await waitForEnd(session)).toMatchObject({
      event_type: 'session.closed',
      actor: { type: 'system', id: null },
      agent_id: agent.agentId,
      provider_name: world.provider.name,
      data: { reason: 'key_expired', opened_by: key.keyId, scopes: ['read', 'write'] },
    });
    expect((await world.statusOf(session)).body).toMatchObject({ active: false, closed_at: expect.any(String) });
    expect((await readThrough(stack, other)).status).toBe(200);
    expect(await endsOf(other)).toEqual([]);
  });

  const administer = (method: string, path: string, body?: object): Promise<Answer> =>
    stack.broker(method, `/admin/v1${path}`, { key: operatorKey, ...(body === undefined ? {} : { body }) });
  const closeAll = (body: object) => administer('POST', '/sessions/close', body);

  it.each<[string, string, () => Promise<Answer>]>([
    ['a close of its agent’s', 'closed_by_admin', () => closeAll({ agent_id: agent.agentId })],
    ['a close of its connection’s', 'closed_by_admin', () => closeAll({ connection_ref: connection.connection_ref })],
    ['a close of its key’s', 'closed_by_admin', () => closeAll({ key_id: agent.keyId })],
    [
      'the deactivation of its agent',
      'agent_deactivated',
      () => administer('PATCH', `/agents/${agent.agentId}`, { active: false }),
    ],
    ['the end of its agent', 'agent_deregistered', () => administer('DELETE', `/agents/${agent.agentId}`)],
    [
      'the revocation of its key',
      'key_revoked',
      () => administer('DELETE', `/agents/${agent.agentId}/keys/${agent.keyId}`),
    ],
    [
      'the deletion of its connection',
      'connection_revoked',
      () => administer('DELETE', `/connections/${connection.connection_ref}`),
    ],
  ])('A10: by %s is recorded once for each session as %s, with who did it', async (_what, reason, end) => {
    const sessions = [await openSession(stack, agent, exact()), await openSession(stack, agent, exact())];
    expect((await end()).status).toBe(200);
    await end();
    for (const session of sessions) {
      expect(await endsOf(session)).toMatchObject([
        {
          event_type: 'session.closed',
          actor: { type: 'key', key_hint: operatorKey.slice(-4) },
          agent_id: agent.agentId,
          provider_name: world.provider.name,
          workspace_id: 'workspace-1',
          data: { reason, opened_by: agent.keyId, scopes: ['read', 'write'], obo: false, tenant_id: null },
        },
      ]);
    }
  });

  it('A10: a read with the token of a session that is over is recorded with that session, and cannot fill the log', async () => {
    const session = await openSession(stack, agent, exact());
    await world.closeSession(session);
    const reads = 20;
    for (let read = 0; read < reads; read++) {
      // As the Gateway asks for a caller nobody else shares an address with.
      const refused = await stack.broker('POST', '/internal/v1/sessions/token', {
        key: stack.gatewayKey,
        headers: { 'X-Nexus-Caller-Ip': '203.0.113.9' },
        body: { session_id: session.session_id, session_token: session.access_token },
      });
      expect(summarise(refused)).toBe('401 invalid_session_token');
    }
    const refusals = (await about(session)).filter((event) => event.event_type === 'session.refused');
    expect(refusals[0]).toMatchObject({
      actor: { type: 'anonymous' },
      outcome: 'refused',
      agent_id: agent.agentId,
      session_id: session.session_id,
      workspace_id: 'workspace-1',
      caller_ip: '203.0.113.9',
      data: { code: 'invalid_session_token', scopes: ['read', 'write'], opened_by: agent.keyId, tenant_id: null },
    });
    // One in a minute, and the minute may be over while they come.
    expect(refusals.length).toBeLessThanOrEqual(2);
    expect(JSON.stringify(refusals)).not.toContain(session.access_token);
  });
});
