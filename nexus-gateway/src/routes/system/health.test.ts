/** getHealth, getLiveness and getReadiness. */
import { describe, expect, it } from 'vitest';
import { readVersion } from '../../deps.js';
import { openWorld } from '../../testing/world.js';

describe('health', () => {
  it.each(['/v1/health', '/health'])('%s follows the Broker, with the same keys either way', async (path) => {
    await using world = await openWorld();
    const good = await world.send('GET', path);
    expect([good.status, await good.json()]).toEqual([200, { status: 'ok', version: readVersion(), broker: 'ok' }]);
    world.broker.isReady = false;
    const bad = await world.send('GET', path);
    expect([bad.status, await bad.json()]).toEqual([
      503,
      { status: 'unavailable', version: readVersion(), broker: 'unavailable' },
    ]);
    expect(bad.headers.get('retry-after')).toBe('5');
  });

  it('O5: lives without a Broker, is ready only with one', async () => {
    await using world = await openWorld();
    expect((await world.send('GET', '/readyz')).status).toBe(200);
    await world.broker[Symbol.asyncDispose]();
    expect((await world.send('GET', '/readyz')).status).toBe(503);
    expect((await world.send('GET', '/healthz')).status).toBe(200);
  });

  it('O1: is unready from the moment shutdown begins', async () => {
    await using world = await openWorld();
    world.gateway.deps.stop();
    expect((await world.send('GET', '/readyz')).status).toBe(503);
    expect((await world.send('GET', '/healthz')).status).toBe(200);
  });
});
