import { describe, expect, it } from 'vitest';
import { AgentSessionClosed } from '../../schemas/v1/agent-session.js';
import { brokerError } from '../../testing/fake-broker.js';
import { sessionId } from '../../testing/fixtures.js';
import { openWorld, readRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/sessions/close';
const path = `/v1/agent-sessions/${sessionId}`;
const closed = { session_id: sessionId, status: 'closed', active: false };

describe('closeAgentSession', () => {
  it.each([{}, { json: {} }])(
    'says that the session is closed, with or without an empty body (%#)',
    async (sending) => {
      await using world = await openWorld();
      world.broker.on(route, { body: { ...closed, end: 'closed' } });
      const response = await world.send('DELETE', path, { key: world.key, ...sending });
      expect(response.status).toBe(200);
      expect(AgentSessionClosed.strict().parse(await response.json())).toEqual(closed);
      expect(world.broker.callTo(route).body).toEqual({ session_id: sessionId });
    },
  );

  it.each([
    ['session_not_found', 404],
    ['forbidden', 403],
    ['audit_unavailable', 503],
  ] as const)('passes on the refusal %s as %i', async (code, status) => {
    await using world = await openWorld();
    world.broker.on(route, brokerError(code));
    expect(await readRefusal(await world.send('DELETE', path, { key: world.key }))).toEqual([status, code]);
  });

  it('refuses a body that would pass unread', async () => {
    await using world = await openWorld();
    const response = await world.send('DELETE', path, { key: world.key, json: { reason: 'x' } });
    expect(await readRefusal(response)).toEqual([400, 'invalid_request']);
    expect(world.broker.calls).toEqual([]);
  });
});
