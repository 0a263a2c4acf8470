import { describe, expect, it } from 'vitest';
import { AgentSessionOpened } from '../../schemas/v1/agent-session.js';
import { brokerError } from '../../testing/fake-broker.js';
import { connectionRef, openedFixture } from '../../testing/fixtures.js';
import { openWorld, readRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/sessions/create';
const path = '/v1/agent-sessions';
const body = { agent_id: 'invoice-reader', connection_id: 'nxc_x', scopes: ['openid', 'email'] };
const { connection_id: _id, ...rest } = body;
const byWorkspace = { ...rest, workspace_id: 'w1', provider_name: 'acme' };

describe('createAgentSession', () => {
  it('answers exactly the fields of the contract, the session token among them', async () => {
    await using world = await openWorld();
    const opened = openedFixture();
    world.broker.on(route, { body: { ...opened, internal: 'x', provider_token: 'canary' } });
    const response = await world.send('POST', path, { key: world.key, json: { ...body, ttl_seconds: 3600 } });
    expect(response.status).toBe(201);
    expect(AgentSessionOpened.strict().parse(await response.json())).toEqual(opened);
    const call = world.broker.callTo(route);
    expect(call.body).toEqual({ ...body, ttl_seconds: 3600 });
    expect(call.headers['x-nexus-caller-key']).toBe(world.key);
  });

  it.each([byWorkspace, { ...byWorkspace, connection_ref: connectionRef }])(
    'selects by workspace and provider, %#',
    async (json) => {
      await using world = await openWorld();
      world.broker.on(route, { body: openedFixture() });
      expect((await world.send('POST', path, { key: world.key, json })).status).toBe(201);
      expect(world.broker.callTo(route).body).toEqual(json);
    },
  );

  it.each([
    ['no agent', { ...body, agent_id: undefined }, ['agent_id']],
    ['an agent id of 129 characters', { ...body, agent_id: 'a'.repeat(129) }, ['agent_id']],
    ['no selector', rest, ['connection_id']],
    ['a workspace alone', { ...rest, workspace_id: 'w' }, ['provider_name']],
    ['a provider alone', { ...rest, provider_name: 'p' }, ['workspace_id']],
    ['a ref alone', { ...rest, connection_ref: 'r' }, ['workspace_id', 'provider_name']],
    ['both selectors', { ...body, ...byWorkspace }, ['workspace_id', 'provider_name']],
    ['a connection id and a ref', { ...body, connection_ref: 'r' }, ['connection_ref']],
    ['no scopes', { ...body, scopes: [] }, ['scopes']],
    ['scopes as text', { ...body, scopes: 'openid email' }, ['scopes']],
    ['a scope with a space', { ...body, scopes: ['ok', 'not ok'] }, ['scopes[1]']],
    ['101 scopes', { ...body, scopes: Array.from({ length: 101 }, (_, i) => `s${i}`) }, ['scopes']],
    ['no lifetime', { ...body, ttl_seconds: 0 }, ['ttl_seconds']],
    ['more than an hour', { ...body, ttl_seconds: 3601 }, ['ttl_seconds']],
    ['half a second', { ...body, ttl_seconds: 0.5 }, ['ttl_seconds']],
    ['a lifetime as text', { ...body, ttl_seconds: '60' }, ['ttl_seconds']],
    ['a user token at the wrong door', { ...body, user_context_token: 'x' }, ['user_context_token']],
    ['an unknown field', { ...body, scope: 'openid' }, ['scope']],
  ])('refuses %s and names the field', async (_name, json, paths) => {
    await using world = await openWorld();
    const response = await world.send('POST', path, { key: world.key, json });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'invalid_request',
      details: paths.map((field) => ({ path: field })),
    });
    expect(world.broker.calls).toEqual([]);
  });

  it.each([
    ['forbidden', 403],
    ['scope_not_allowed', 403],
    ['provider_not_allowed', 403],
    ['scope_not_granted', 403],
    ['agent_inactive', 403],
    ['agent_not_found', 404],
    ['connection_not_found', 404],
    ['connection_not_active', 409],
    ['attention_required', 409],
    ['connection_ambiguous', 409],
    ['audit_unavailable', 503],
  ] as const)('passes on the refusal %s as %i', async (code, status) => {
    await using world = await openWorld();
    world.broker.on(route, brokerError(code));
    expect(await readRefusal(await world.send('POST', path, { key: world.key, json: body }))).toEqual([status, code]);
  });

  it('logs neither the session token nor the connection id', async () => {
    await using world = await openWorld();
    const opened = openedFixture();
    world.broker.on(route, { body: opened });
    await world.send('POST', path, { key: world.key, json: body });
    const text = world.gateway.log.lines.join('\n');
    expect(text).toContain(path);
    for (const secret of [opened.access_token, body.connection_id, world.key]) expect(text).not.toContain(secret);
  });
});
