import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { ConnectionState } from '../../schemas/v1/connection.js';
import { brokerError } from '../../testing/fake-broker.js';
import { stateFixture } from '../../testing/fixtures.js';
import { openWorld } from '../../testing/world.js';

const route = 'POST /internal/v1/connections/check';

describe('checkConnection', () => {
  it('answers exactly the fields of the contract', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { ...stateFixture(), version: 7 } });
    const id = createToken('nxc');
    const response = await world.send('GET', `/v1/check-connection/${id}?unknown=1`);
    expect(response.status).toBe(200);
    expect(ConnectionState.strict().parse(await response.json())).toEqual(stateFixture());
    expect(world.broker.callTo(route).body).toEqual({ connection_id: id });
  });

  it('passes the wait on, and 0 as no wait', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: stateFixture() });
    await world.send('GET', '/v1/check-connection/x?wait=30');
    await world.send('GET', '/v1/check-connection/x?wait=0');
    expect(world.broker.calls.map((call) => call.body)).toEqual([
      { connection_id: 'x', wait_seconds: 30 },
      { connection_id: 'x' },
    ]);
  });

  it.each(['31', '-1', '1.5', 'soon', '', '1e1', '99999999999999999999', '1&wait=2'])(
    'refuses wait=%s',
    async (wait) => {
      await using world = await openWorld();
      const response = await world.send('GET', `/v1/check-connection/x?wait=${wait}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: 'invalid_request', details: [{ path: 'wait' }] });
    },
  );

  it('answers a held poll at once when shutdown begins', async () => {
    await using world = await openWorld();
    const { promise: never } = { promise: new Promise<{ body: unknown }>(() => undefined) };
    let reached = (): void => undefined;
    const isHeld = new Promise<void>((resolve) => {
      reached = resolve;
    });
    world.broker.on(route, ({ body }) => {
      if (typeof body === 'object' && body !== null && 'wait_seconds' in body) {
        reached();
        return never;
      }
      return { body: { ...stateFixture(), status: 'pending' } };
    });
    const held = world.send('GET', '/v1/check-connection/x?wait=30');
    await isHeld;
    world.gateway.deps.stop();
    const response = await held;
    expect(await response.json()).toMatchObject({ status: 'pending' });
    await world.broker[Symbol.asyncDispose]();
  });

  it('gives an id too long to be one the same answer as any unknown id', async () => {
    await using world = await openWorld();
    world.broker.on(route, brokerError('connection_not_found'));
    for (const id of [createToken('nxc'), 'x'.repeat(2000), '%00', '..%2f..']) {
      const response = await world.send('GET', `/v1/check-connection/${id}`, { headers: { 'X-Request-Id': 'r' } });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ code: 'connection_not_found', request_id: 'r' });
    }
    const sent = world.broker.calls.map((call) => (call.body as { connection_id: string }).connection_id.length);
    expect(Math.max(...sent)).toBeLessThanOrEqual(128);
  });
});
