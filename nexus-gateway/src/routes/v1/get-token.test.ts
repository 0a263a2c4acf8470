import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { CredentialPayload } from '../../schemas/v1/credential.js';
import { brokerError } from '../../testing/fake-broker.js';
import { payloadFixture } from '../../testing/fixtures.js';
import { openWorld, readRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/connections/token';

describe('getToken', () => {
  it('answers the payload of the contract to whoever holds the connection id', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: payloadFixture() });
    const id = createToken('nxc');
    const response = await world.send('GET', `/v1/token/${id}`);
    expect(response.status).toBe(200);
    const answer: unknown = await response.json();
    expect(CredentialPayload.strict().parse(answer)).toEqual(payloadFixture());
    expect(Object.keys(answer as object).slice(0, 4)).toEqual(['strategy', 'credentials', 'scope', 'expires_at']);
    expect(world.broker.callTo(route).body).toEqual({ connection_id: id });
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('B3: has no way out for a refresh token or a client secret', async () => {
    await using world = await openWorld();
    const payload = payloadFixture();
    world.broker.on(route, {
      body: {
        ...payload,
        client_secret: 'canary-1',
        credentials: { ...payload.credentials, refresh_token: 'canary-2', client_secret: 'canary-3', id_token: 'kept' },
      },
    });
    const text = await (await world.send('GET', '/v1/token/x')).text();
    expect(text).not.toContain('canary');
    expect(text).toContain('kept');
  });

  it('passes every field of a static credential on, with its strategy', async () => {
    await using world = await openWorld();
    const body = {
      ...payloadFixture(),
      strategy: { type: 'basic_auth', config: { username_field: 'username', password_field: 'password' } },
      credentials: { username: 'u', password: 'p' },
      scope: '',
      expires_at: null,
      api_base_url: null,
    };
    world.broker.on(route, { body });
    expect(await (await world.send('GET', '/v1/token/x')).json()).toEqual(body);
  });

  it('passes min_validity on and refuses values outside 0 to 3600', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: payloadFixture() });
    await world.send('GET', '/v1/token/x?min_validity=3600');
    expect(world.broker.callTo(route).body).toEqual({ connection_id: 'x', min_validity_seconds: 3600 });
    for (const value of ['3601', '-1', 'x', '', '1.5']) {
      expect((await world.send('GET', `/v1/token/x?min_validity=${value}`)).status).toBe(400);
    }
  });

  it.each([
    ['connection_not_found', 404],
    ['connection_not_active', 409],
    ['attention_required', 409],
    ['connection_revoked', 410],
    ['provider_unavailable', 502],
    ['audit_unavailable', 503],
  ] as const)('passes on %s as %i with status and reason', async (code, status) => {
    await using world = await openWorld();
    const explanation = { status: 'attention', reason: { code: 'grant_revoked', message: 'gone' } };
    world.broker.on(route, brokerError(code, explanation));
    const response = await world.send('GET', '/v1/token/x');
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: code, code, ...explanation });
    expect(response.headers.has('retry-after')).toBe(status >= 502);
  });

  it('says broker_unavailable when the Broker cannot be reached or is not itself', async () => {
    await using world = await openWorld();
    world.broker.on(route, { status: 500, body: { stack: 'at /srv/secret.ts', marker: 'MARKER' } });
    const strange = await world.send('GET', '/v1/token/x');
    expect(await readRefusal(strange)).toEqual([503, 'broker_unavailable']);
    expect(await strange.text()).not.toContain('MARKER');
    await world.broker[Symbol.asyncDispose]();
    const gone = await world.send('GET', '/v1/token/x');
    expect(await readRefusal(gone)).toEqual([503, 'broker_unavailable']);
    expect(gone.headers.get('retry-after')).toBe('5');
  });

  it('logs the pattern of the route, never the connection id or the token', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: payloadFixture() });
    const id = createToken('nxc');
    await world.send('GET', `/v1/token/${id}`, { key: world.key });
    const text = world.gateway.log.lines.join('\n');
    expect(text).toContain('/v1/token/:id');
    for (const secret of [id, world.key, 'fixture-access-token']) expect(text).not.toContain(secret);
  });
});
