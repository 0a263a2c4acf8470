import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession, readThrough, summarise, type TestAgent } from '../support/agents.js';
import type { Requested } from '../support/fixtures.js';
import { type Replica, startReplica } from '../support/replica.js';
import { type SessionWorld, startSessionWorld } from '../support/session-world.js';

describe('sessions over three Brokers on postgres', () => {
  let world: SessionWorld;
  let replicas: Replica[];

  beforeAll(async () => {
    world = await startSessionWorld('postgres');
    replicas = [await startReplica(world.stack), await startReplica(world.stack)];
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await world.close();
  });

  const readEverywhere = async (session: Parameters<typeof readThrough>[1]) =>
    new Set((await Promise.all([world.stack, ...replicas].map((place) => readThrough(place, session)))).map(summarise));
  const open = (agent: TestAgent, { connection_id }: Requested) =>
    openSession(world.stack, agent, { connection_id, scopes: ['read', 'write'] });

  it.each([
    ['B8', 'a scope is cut', '403 scope_not_allowed', { allowed_scopes: ['read'] }],
    ['B8', 'the agent is deactivated', '403 agent_inactive', { active: false }],
  ])('%s: is refused by every replica as soon as %s', async (_id, _what, refusal, body) => {
    const { agent, connection } = await world.enter();
    const session = await open(agent, connection);
    expect(await readEverywhere(session)).toEqual(new Set(['200']));
    const patched = await replicas[0]?.broker('PATCH', `/admin/v1/agents/${agent.agentId}`, { body });
    expect(patched?.status).toBe(200);
    expect(await readEverywhere(session)).toEqual(new Set([refusal]));
  });

  it('B9: is refused by every replica once one of them has closed it', async () => {
    const { agent, connection } = await world.enter();
    const session = await open(agent, connection);
    expect(await readEverywhere(session)).toEqual(new Set(['200']));
    const path = `/v1/agent-sessions/${session.session_id}`;
    expect((await replicas[1]?.gateway('DELETE', path, { key: agent.key }))?.status).toBe(200);
    expect(await readEverywhere(session)).toEqual(new Set(['401 invalid_session_token']));
  });

  it('is refused by every replica once its key is revoked, or its connection deleted', async () => {
    const { agent, connection } = await world.enter();
    const [byKey, byConnection] = [await open(agent, connection), await open(agent, connection)];
    const key = world.operatorKey;
    await replicas[0]?.gateway('DELETE', `/v1/connections/${connection.connection_id}`, { key });
    expect(await readEverywhere(byConnection)).toEqual(new Set(['401 invalid_session_token']));
    await replicas[1]?.broker('DELETE', `/admin/v1/agents/${agent.agentId}/keys/${agent.keyId}`);
    expect(await readEverywhere(byKey)).toEqual(new Set(['401 invalid_session_token']));
  });

  it('an agent that is deregistered while sessions are opened everywhere leaves none open', async () => {
    const { agent, connection } = await world.enter();
    const { agentId, key } = agent;
    const body = { agent_id: agentId, connection_id: connection.connection_id, scopes: ['read', 'write'] };
    const opening = Array.from({ length: 24 }, (_, index) =>
      [world.stack, ...replicas][index % 3]?.gateway('POST', '/v1/agent-sessions', { key, body }),
    );
    const deleting = replicas[1]?.broker('DELETE', `/admin/v1/agents/${agentId}`);
    const opened = (await Promise.all(opening)).flatMap((answer) => (answer?.status === 201 ? [answer.body] : []));
    expect((await deleting)?.status).toBe(200);
    const listed = await world.stack.broker('GET', `/admin/v1/sessions?agent_id=${agentId}&open=true`);
    expect(listed.body.sessions).toEqual([]);
    await world.stack.broker('POST', '/admin/v1/agents', {
      body: { agent_id: agentId, allowed_scopes: ['read', 'write'] },
    });
    for (const session of opened) {
      expect(await readEverywhere(session)).toEqual(new Set(['401 invalid_session_token']));
    }
  });
});
