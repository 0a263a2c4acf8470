import { describe, expect, it } from 'vitest';
import { escapeText } from '../../pages/markup.js';
import { brokerError } from '../../testing/fake-broker.js';
import { markupPayloads } from '../../testing/markup-payloads.js';
import { openWorld } from '../../testing/world.js';

const route = 'POST /internal/v1/flows/callback';
const done = { redirect_to: 'https://app.example/done?status=success&connection_ref=r&provider=acme' };

describe('completeAuthorization', () => {
  it('goes on to the return URL the Broker names', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: done });
    const response = await world.send('GET', '/auth/callback/acme?code=c&state=s', {
      headers: { Cookie: '__Host-nxf_ABC=value' },
    });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe(done.redirect_to);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(world.broker.callTo(route).body).toEqual({
      provider_name: 'acme',
      parameters: [
        ['code', 'c'],
        ['state', 's'],
      ],
      cookies: { ABC: 'value' },
    });
  });

  it('H5: passes every parameter on in order, repetitions included, for the Broker to judge', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: done });
    await world.send('GET', '/auth/callback/Acme?state=a&code=x%20y&state=b&empty&state%5B%5D=c&iss=https%3A%2F%2Fi');
    expect(world.broker.callTo(route).body).toMatchObject({
      provider_name: 'Acme',
      parameters: [
        ['state', 'a'],
        ['code', 'x y'],
        ['state', 'b'],
        ['empty', ''],
        ['state[]', 'c'],
        ['iss', 'https://i'],
      ],
    });
  });

  it.each([
    ['flow_expired', 410],
    ['invalid_request', 400],
    ['flow_already_used', 410],
    ['broker_unavailable', 503],
    ['provider_unavailable', 502],
  ] as const)('H4, H6: answers %s with a page, status %i, never a redirect', async (code, status) => {
    await using world = await openWorld();
    world.broker.on(route, brokerError(code));
    const response = await world.send('GET', '/auth/callback/acme?code=c&state=s');
    expect(response.status).toBe(status);
    expect(response.headers.get('location')).toBeNull();
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).not.toContain('<form');
  });

  it('H11: 60 payloads in error and error_description reach no page, and long ones do not stop the flow', async () => {
    await using world = await openWorld();
    world.broker.on(route, brokerError('invalid_request'));
    const headers = { 'X-Request-Id': 'rid' };
    const plain = await (await world.send('GET', '/auth/callback/acme?state=s', { headers })).text();
    for (const payload of markupPayloads) {
      const query = new URLSearchParams({ state: 's', error: payload, error_description: payload, error_uri: payload });
      const response = await world.send('GET', `/auth/callback/acme?${query}`, { headers });
      expect(await response.text()).toBe(plain);
    }
    expect(plain).not.toContain(escapeText('alert'));
    const sent = world.broker.calls.flatMap((call) => (call.body as { parameters: [string, string][] }).parameters);
    const longest = Math.max(...sent.filter(([name]) => name === 'error_description').map(([, value]) => value.length));
    expect(longest).toBe(256);
  });

  it('H13, H14: logs neither code nor state', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: done });
    await world.send('GET', '/auth/callback/acme?code=canary-code&state=canary-state', {
      headers: { Cookie: '__Host-nxf_ABC=canary-cookie' },
    });
    expect(world.gateway.log.lines.join('\n')).not.toContain('canary');
  });
});
