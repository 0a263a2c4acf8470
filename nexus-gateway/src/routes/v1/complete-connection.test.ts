import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { brokerError } from '../../testing/fake-broker.js';
import { connectionRef } from '../../testing/fixtures.js';
import { openWorld, readRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/connections/complete';

describe('completeConnection', () => {
  it('completes with the handle and the verifier', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { connection_ref: connectionRef, status: 'active', handle: 'x' } });
    const json = { handle: createToken('nxt'), code_verifier: 'v'.repeat(43) };
    const response = await world.send('POST', '/v1/complete-connection', { json });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ connection_ref: connectionRef, status: 'active' });
    expect(world.broker.callTo(route).body).toEqual(json);
  });

  it('passes on a refusal and refuses unknown fields', async () => {
    await using world = await openWorld();
    world.broker.on(route, brokerError('completion_refused'));
    const refused = await world.send('POST', '/v1/complete-connection', { json: { handle: 'h', code_verifier: 'v' } });
    expect(await readRefusal(refused)).toEqual([400, 'completion_refused']);
    const unknown = await world.send('POST', '/v1/complete-connection', {
      json: { handle: 'h', code_verifier: 'v', x: 1 },
    });
    expect(await unknown.json()).toMatchObject({ code: 'invalid_request', details: [{ path: 'x' }] });
  });
});
