import { describe, expect, it } from 'vitest';
import { brokerError } from '../../testing/fake-broker.js';
import { staticViewFixture } from '../../testing/fixtures.js';
import { openWorld, readRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/flows/capture-schema';

describe('getCaptureSchema', () => {
  it.each([
    ['state=t', { state: 't' }],
    ['provider_name=acme', { provider_name: 'acme' }],
    ['provider_id=p1&state=', { provider_id: 'p1' }],
  ])('answers the schema for ?%s', async (query, asked) => {
    await using world = await openWorld();
    const body = { provider_name: 'acme', provider_id: 'p1', schema: staticViewFixture().schema };
    world.broker.on(route, { body });
    const response = await world.send('GET', `/v1/capture-schema?${query}`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(body);
    expect(world.broker.callTo(route).body).toEqual(asked);
  });

  it('says missing_params when nothing names a provider', async () => {
    await using world = await openWorld();
    for (const query of ['', '?state=', '?other=1']) {
      const response = await world.send('GET', `/v1/capture-schema${query}`);
      expect(await readRefusal(response)).toEqual([400, 'missing_params']);
    }
  });

  it.each(['not_a_static_provider', 'provider_not_found', 'flow_expired'] as const)('passes on %s', async (code) => {
    await using world = await openWorld();
    world.broker.on(route, brokerError(code));
    const response = await world.send('GET', '/v1/capture-schema?state=t');
    expect(await readRefusal(response)).toEqual([brokerError(code).status, code]);
  });
});
