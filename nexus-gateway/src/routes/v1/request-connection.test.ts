import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { ConnectionRequested } from '../../schemas/v1/connection.js';
import { brokerError } from '../../testing/fake-broker.js';
import { requestedFixture } from '../../testing/fixtures.js';
import { openWorld, readRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/connections/request';
const body = { workspace_id: 'w1', provider_name: 'Acme', return_url: 'https://app.example/done' };

describe('requestConnection', () => {
  it('answers exactly the fields of the contract, the page address under both names', async () => {
    await using world = await openWorld();
    const requested = requestedFixture();
    world.broker.on(route, { body: { ...requested, internal: 'x' } });
    const response = await world.send('POST', '/v1/request-connection', { json: body });
    expect(response.status).toBe(200);
    const answer: unknown = await response.json();
    expect(ConnectionRequested.strict().parse(answer)).toEqual({ ...requested, authUrl: requested.auth_url });
    expect(world.broker.callTo(route).body).toEqual(body);
  });

  it('takes user_id as another name of workspace_id and refuses two that differ', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: requestedFixture() });
    const { workspace_id, ...rest } = body;
    const alias = await world.send('POST', '/v1/request-connection', { json: { ...rest, user_id: workspace_id } });
    expect(alias.status).toBe(200);
    expect(world.broker.callTo(route).body).toEqual({ ...rest, workspace_id });
    const both = await world.send('POST', '/v1/request-connection', { json: { ...body, user_id: workspace_id } });
    expect(both.status).toBe(200);
    const differing = await world.send('POST', '/v1/request-connection', { json: { ...body, user_id: 'other' } });
    expect(differing.status).toBe(400);
    expect(await differing.json()).toMatchObject({ code: 'invalid_request', details: [{ path: 'user_id' }] });
  });

  it.each([
    ['an unknown field', { ...body, scpoes: [] }, 'scpoes'],
    ['no workspace', { provider_name: 'acme', return_url: 'https://app.example/' }, 'workspace_id'],
    ['no provider', { workspace_id: 'w', return_url: 'https://app.example/' }, 'provider_name'],
    ['no return URL', { workspace_id: 'w', provider_name: 'acme' }, 'return_url'],
    ['a scope with a space', { ...body, scopes: ['ok', 'not ok'] }, 'scopes[1]'],
    ['101 scopes', { ...body, scopes: Array.from({ length: 101 }, (_, i) => `s${i}`) }, 'scopes'],
    ['a short challenge', { ...body, completion_challenge: 'short' }, 'completion_challenge'],
    ['more than 4 KiB of metadata', { ...body, metadata: { note: 'x'.repeat(4096) } }, 'metadata'],
    ['a workspace of 256 characters', { ...body, workspace_id: 'w'.repeat(256) }, 'workspace_id'],
  ])('refuses %s and names the field', async (_name, json, path) => {
    await using world = await openWorld();
    const response = await world.send('POST', '/v1/request-connection', { json });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: 'invalid_request',
      code: 'invalid_request',
      details: [{ path }],
    });
    expect(world.broker.calls).toEqual([]);
  });

  it('passes on the key, the address, the agent and the request id, and no other header', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: requestedFixture() });
    await world.send('POST', '/v1/request-connection', {
      json: body,
      key: world.key,
      peer: '192.0.2.7',
      headers: {
        'User-Agent': 'agent/1 ü',
        'X-Request-Id': 'mine-1',
        'X-Nexus-Caller-Ip': '203.0.113.9',
        Cookie: 'a=b',
      },
    });
    const { headers } = world.broker.callTo(route);
    expect(headers['x-nexus-caller-key']).toBe(world.key);
    expect(headers['x-nexus-caller-ip']).toBe('192.0.2.7');
    expect(decodeURIComponent(String(headers['x-nexus-caller-user-agent']))).toBe('agent/1 ü');
    expect(headers['x-request-id']).toBe('mine-1');
    expect(headers['x-api-key']).toMatch(/^nxg_/);
    expect(headers.cookie).toBeUndefined();
  });

  it.each(['return_url_not_allowed', 'completion_required', 'provider_not_found', 'rate_limited'] as const)(
    'passes on the refusal %s in the shape of the contract',
    async (code) => {
      await using world = await openWorld();
      world.broker.on(route, brokerError(code));
      const response = await world.send('POST', '/v1/request-connection', {
        json: body,
        headers: { 'X-Request-Id': 'rid' },
      });
      expect(response.status).toBe(brokerError(code).status);
      expect(await response.json()).toEqual({ error: code, code, message: `fake broker: ${code}`, request_id: 'rid' });
      expect(response.headers.get('retry-after')).toBe(code === 'rate_limited' ? '5' : null);
    },
  );

  it('says 409 when the connection to reconnect was deleted', async () => {
    await using world = await openWorld();
    world.broker.on(route, { ...brokerError('connection_revoked'), status: 409 });
    const json = { ...body, connection_id: createToken('nxc') };
    const response = await world.send('POST', '/v1/request-connection', { json });
    expect(await readRefusal(response)).toEqual([409, 'connection_revoked']);
  });
});
