import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { Introspection } from '../../schemas/v1/oauth.js';
import { brokerError } from '../../testing/fake-broker.js';
import { connectionRef, introspectionFixture, sessionId } from '../../testing/fixtures.js';
import type { World } from '../../testing/world.js';
import { openWorld, publicUrl, readOAuthRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/sessions/introspect';
const path = '/v1/oauth/introspect';
const token = createToken('nxs');

function introspect(world: World, form: Readonly<Record<string, string>>) {
  return world.send('POST', path, { client: world.client, form });
}

describe('introspectToken', () => {
  const described = {
    active: true,
    client_id: 'invoice-reader',
    scope: 'openid email',
    exp: 1777637700,
    iat: 1777636800,
    iss: publicUrl,
    token_type: 'Bearer',
    session_id: sessionId,
    connection_ref: connectionRef,
  };

  it('describes an active session of the asking agent', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { ...introspectionFixture(), token, internal: 'x' } });
    const response = await introspect(world, { token, token_type_hint: 'refresh_token' });
    expect(response.status).toBe(200);
    expect(Introspection.strict().parse(await response.json())).toEqual({ ...described, sub: 'invoice-reader' });
    const call = world.broker.callTo(route);
    expect(call.body).toEqual({ agent_id: 'invoice-reader', token });
    expect(call.headers['x-nexus-caller-key']).toBe(world.client.key);
  });

  it('names the user as subject and the agent as actor where it acts for a user', async () => {
    await using world = await openWorld();
    const acting_for = { issuer: 'https://login.example', subject: 'user-42' };
    world.broker.on(route, { body: { ...introspectionFixture(), acting_for } });
    const answer = Introspection.strict().parse(await (await introspect(world, { token })).json());
    expect(answer).toEqual({ ...described, sub: 'user-42', act: { sub: 'invoice-reader' } });
  });

  it('says of an inactive token only that it is inactive', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { ...introspectionFixture(), active: false } });
    expect(await (await introspect(world, { token })).json()).toEqual({ active: false });
  });

  it.each([createToken('nxc'), createToken('nxk'), token.slice(1), 'x'.repeat(2000), 'header.payload.signature'])(
    'does not pass on what is no session token, but still has the client judged (%#)',
    async (foreign) => {
      await using world = await openWorld();
      world.broker.on(route, { body: { active: false } });
      const response = await introspect(world, { token: foreign });
      expect([response.status, await response.json()]).toEqual([200, { active: false }]);
      expect(world.broker.callTo(route).body).toMatchObject({ token: null });
    },
  );

  it.each([{}, { token: '' }, { token_type_hint: 'access_token' }])('needs a token, %#', async (form) => {
    await using world = await openWorld();
    expect(await readOAuthRefusal(await introspect(world, form))).toEqual([400, 'invalid_request']);
  });

  it.each([
    ['forbidden', 401, 'invalid_client'],
    ['invalid_api_key', 401, 'invalid_client'],
    ['rate_limited', 429, 'temporarily_unavailable'],
    ['broker_unavailable', 503, 'temporarily_unavailable'],
  ] as const)('says %s as %i %s', async (code, status, error) => {
    await using world = await openWorld();
    world.broker.on(route, brokerError(code));
    expect(await readOAuthRefusal(await introspect(world, { token }))).toEqual([status, error]);
  });

  it('fails rather than call a session active that the Broker does not describe', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { active: true } });
    expect(await readOAuthRefusal(await introspect(world, { token }))).toEqual([500, 'server_error']);
  });
});
