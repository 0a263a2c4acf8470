import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { AgentSessionState } from '../../schemas/v1/agent-session.js';
import { brokerError } from '../../testing/fake-broker.js';
import { delegation, sessionFixture, sessionId } from '../../testing/fixtures.js';
import { openWorld, readRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/sessions/view';
const path = `/v1/agent-sessions/${sessionId}`;

describe('getAgentSession', () => {
  it.each([
    ['an open session', sessionFixture()],
    ['a closed session', { ...sessionFixture(), active: false, closed_at: '2026-05-01T12:03:00.000Z' }],
    ['a session for a user', { ...sessionFixture(), obo: true, ...delegation }],
  ])('answers exactly the fields of the contract for %s', async (_name, state) => {
    await using world = await openWorld();
    world.broker.on(route, { body: { ...state, internal: 'x' } });
    const response = await world.send('GET', path, { key: world.key });
    expect(response.status).toBe(200);
    expect(AgentSessionState.strict().parse(await response.json())).toEqual(state);
    expect(world.broker.callTo(route).body).toEqual({ session_id: sessionId });
    expect(world.broker.callTo(route).headers['x-nexus-caller-key']).toBe(world.key);
  });

  it('B3: has no way out for a token, whatever the Broker answers', async () => {
    await using world = await openWorld();
    const tokens = [createToken('nxs'), createToken('nxc'), 'fixture-access-token'];
    const [session_token, connection_id, access_token] = tokens;
    const leaks = { access_token: session_token, session_token, token: session_token, token_hash: 'canary' };
    const body = { ...sessionFixture(), ...leaks, connection_id, credentials: { access_token } };
    for (const answer of [body, { ...body, obo: true, ...delegation }, { ...body, active: false }]) {
      world.broker.on(route, { body: answer });
      const text = await (await world.send('GET', path, { key: world.key })).text();
      for (const token of [...tokens, 'canary']) expect(text).not.toContain(token);
    }
  });

  it('passes on that there is no such session', async () => {
    await using world = await openWorld();
    world.broker.on(route, brokerError('session_not_found'));
    for (const id of [sessionId, 'obo', '..%2f..%2fx', 'x'.repeat(500)]) {
      const response = await world.send('GET', `/v1/agent-sessions/${id}`, { key: world.key });
      expect(await readRefusal(response)).toEqual([404, 'session_not_found']);
    }
    // The Broker refuses longer ids as malformed, which would tell them from unknown ones.
    expect(world.broker.calls.at(-1)?.body).toEqual({ session_id: 'x'.repeat(64) });
  });

  it('takes no session token for a key', async () => {
    await using world = await openWorld();
    const response = await world.send('GET', path, { bearer: createToken('nxs') });
    expect(await readRefusal(response)).toEqual([401, 'missing_api_key']);
    expect(world.broker.calls).toEqual([]);
  });
});
