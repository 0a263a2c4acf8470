import { describe, expect, it } from 'vitest';
import { OboSessionOpened } from '../../schemas/v1/agent-session.js';
import { brokerError } from '../../testing/fake-broker.js';
import { connectionRef, delegation, openedFixture } from '../../testing/fixtures.js';
import { openWorld, readRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/sessions/obo';
const path = '/v1/agent-sessions/obo';
const body = {
  agent_id: 'invoice-reader',
  provider_name: 'acme',
  scopes: ['openid'],
  user_context_token: 'header.payload.signature',
};
const { provider_name: _name, ...rest } = body;
const opened = () => ({ ...openedFixture(), obo: true, ...delegation });

describe('createOboSession', () => {
  it('answers exactly the fields of the contract, for whom the session acts among them', async () => {
    await using world = await openWorld();
    const answer = opened();
    world.broker.on(route, { body: { ...answer, user_context_token: 'canary', issuer: 'x' } });
    const response = await world.send('POST', path, { key: world.key, json: { ...body, ttl_seconds: 60 } });
    expect(response.status).toBe(201);
    expect(OboSessionOpened.strict().parse(await response.json())).toEqual(answer);
    expect(world.broker.callTo(route).body).toEqual({ ...body, ttl_seconds: 60 });
  });

  it.each([
    { ...rest, connection_id: 'nxc_x' },
    { ...body, workspace_id: 'w1' },
    { ...body, workspace_id: 'w1', connection_ref: connectionRef },
    { ...body, connection_ref: connectionRef },
  ])('takes each selector of the contract, %#', async (json) => {
    await using world = await openWorld();
    world.broker.on(route, { body: opened() });
    expect((await world.send('POST', path, { key: world.key, json })).status).toBe(201);
    expect(world.broker.callTo(route).body).toEqual(json);
  });

  it.each([
    ['no user token', { ...body, user_context_token: undefined }, ['user_context_token']],
    ['an empty user token', { ...body, user_context_token: '' }, ['user_context_token']],
    ['a user token of more than 16 KiB', { ...body, user_context_token: 'x'.repeat(16_385) }, ['user_context_token']],
    ['no selector', rest, ['connection_id']],
    ['a workspace alone', { ...rest, workspace_id: 'w' }, ['connection_id']],
    ['both selectors', { ...body, connection_id: 'nxc_x' }, ['provider_name']],
    ['an unknown field', { ...body, acting_for: 'user-1' }, ['acting_for']],
  ])('refuses %s and names the field', async (_title, json, paths) => {
    await using world = await openWorld();
    const response = await world.send('POST', path, { key: world.key, json });
    expect(response.status).toBe(400);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({
      code: 'invalid_request',
      details: paths.map((field) => ({ path: field })),
    });
    expect(text).not.toContain(body.user_context_token);
    expect(world.broker.calls).toEqual([]);
  });

  it.each([
    ['invalid_user_context_token', 401],
    ['user_not_authorized_for_scope', 403],
    ['scope_not_allowed', 403],
    ['connection_not_found', 404],
    ['user_verification_unavailable', 503],
  ] as const)('passes on the refusal %s as %i', async (code, status) => {
    await using world = await openWorld();
    world.broker.on(route, brokerError(code));
    const response = await world.send('POST', path, { key: world.key, json: body });
    expect(await readRefusal(response)).toEqual([status, code]);
    expect(response.headers.has('retry-after')).toBe(status === 503);
  });

  it('fails rather than leave open for whom a session acts', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { ...openedFixture(), obo: true } });
    const response = await world.send('POST', path, { key: world.key, json: body });
    expect(await readRefusal(response)).toEqual([500, 'internal_error']);
  });

  it('logs neither the token of the user nor that of the session', async () => {
    await using world = await openWorld();
    const answer = opened();
    world.broker.on(route, { body: answer });
    await world.send('POST', path, { key: world.key, json: body });
    const text = world.gateway.log.lines.join('\n');
    for (const secret of [answer.access_token, body.user_context_token]) expect(text).not.toContain(secret);
  });
});
