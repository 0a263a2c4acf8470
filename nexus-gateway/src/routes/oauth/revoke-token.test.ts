import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { brokerError } from '../../testing/fake-broker.js';
import type { World } from '../../testing/world.js';
import { openWorld, readOAuthRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/sessions/revoke';
const path = '/v1/oauth/revoke';
const token = createToken('nxs');

function revoke(world: World, form: Readonly<Record<string, string>>) {
  return world.send('POST', path, { client: world.client, form });
}

describe('revokeToken', () => {
  it('closes the session behind the token and answers nothing more', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { revoked: true } });
    const response = await revoke(world, { token, token_type_hint: 'no such hint' });
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const call = world.broker.callTo(route);
    expect(call.body).toEqual({ agent_id: 'invoice-reader', token });
    expect(call.headers['x-nexus-caller-key']).toBe(world.client.key);
  });

  it.each([createToken('nxc'), 'x', 'header.payload.signature'])(
    'answers the same for what is no session token, which goes no further (%#)',
    async (foreign) => {
      await using world = await openWorld();
      world.broker.on(route, { body: { revoked: true } });
      const response = await revoke(world, { token: foreign });
      expect([response.status, await response.text()]).toEqual([200, '']);
      expect(world.broker.callTo(route).body).toMatchObject({ token: null });
    },
  );

  it('needs a token', async () => {
    await using world = await openWorld();
    expect(await readOAuthRefusal(await revoke(world, {}))).toEqual([400, 'invalid_request']);
  });

  it.each([
    ['forbidden', 401, 'invalid_client'],
    ['audit_unavailable', 503, 'temporarily_unavailable'],
  ] as const)('says %s as %i %s, so that nobody takes the token for closed', async (code, status, error) => {
    await using world = await openWorld();
    world.broker.on(route, brokerError(code));
    const response = await revoke(world, { token });
    expect(await readOAuthRefusal(response)).toEqual([status, error]);
    expect(response.headers.has('retry-after')).toBe(status === 503);
  });
});
