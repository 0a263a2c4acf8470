import { describe, expect, it } from 'vitest';
import { brokerError } from '../../testing/fake-broker.js';
import { connectionRef, payloadFixture } from '../../testing/fixtures.js';
import { openWorld } from '../../testing/world.js';

const route = 'POST /internal/v1/connections/resolve';

describe('resolveConnection', () => {
  it('answers the same payload as a token read', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: payloadFixture() });
    const query = `workspace_id=w1&provider_name=acme&connection_ref=${connectionRef}&min_validity=60`;
    const response = await world.send('GET', `/v1/resolve?${query}`, { key: world.key });
    expect(await response.json()).toEqual(payloadFixture());
    expect(world.broker.callTo(route).body).toEqual({
      workspace_id: 'w1',
      provider_name: 'acme',
      connection_ref: connectionRef,
      min_validity_seconds: 60,
    });
  });

  it.each(['workspace_id', 'provider_name'])('needs %s', async (missing) => {
    await using world = await openWorld();
    const query = new URLSearchParams({ workspace_id: 'w1', provider_name: 'acme' });
    query.delete(missing);
    const response = await world.send('GET', `/v1/resolve?${query}`, { key: world.key });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ details: [{ path: missing, message: 'is required' }] });
  });

  it('passes on that several connections match, with their refs', async () => {
    await using world = await openWorld();
    const details = [{ path: 'connection_ref', message: connectionRef }];
    world.broker.on(route, brokerError('connection_ambiguous', { details }));
    const response = await world.send('GET', '/v1/resolve?workspace_id=w&provider_name=p', { key: world.key });
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ code: 'connection_ambiguous', details });
  });
});
