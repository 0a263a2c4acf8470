import { describe, expect, it } from 'vitest';
import { RefreshedPayload } from '../../schemas/v1/credential.js';
import { brokerError } from '../../testing/fake-broker.js';
import { payloadFixture } from '../../testing/fixtures.js';
import { openWorld, readRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/connections/refresh';

describe('refreshConnection', () => {
  it.each([true, false])('says whether the provider was asked (%s)', async (refreshed) => {
    await using world = await openWorld();
    world.broker.on(route, { body: { ...payloadFixture(), refreshed } });
    const response = await world.send('POST', '/v1/refresh/x');
    expect(response.status).toBe(200);
    expect(RefreshedPayload.strict().parse(await response.json())).toEqual({ ...payloadFixture(), refreshed });
    expect(world.broker.callTo(route).body).toEqual({ connection_id: 'x' });
  });

  it('needs no body, with or without a content type', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { ...payloadFixture(), refreshed: true } });
    for (const headers of [{}, { 'Content-Type': 'application/json' }, { 'Content-Type': 'text/plain' }]) {
      expect((await world.send('POST', '/v1/refresh/x', { headers })).status).toBe(200);
    }
  });

  it.each(['static_token', 'no_refresh_token', 'attention_required', 'provider_unavailable'] as const)(
    'passes on %s',
    async (code) => {
      await using world = await openWorld();
      world.broker.on(route, brokerError(code));
      const response = await world.send('POST', '/v1/refresh/x');
      expect(await readRefusal(response)).toEqual([brokerError(code).status, code]);
    },
  );
});
