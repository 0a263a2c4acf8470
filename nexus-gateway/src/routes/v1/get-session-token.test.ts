import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { SessionCredential } from '../../schemas/v1/credential.js';
import { brokerError } from '../../testing/fake-broker.js';
import { payloadFixture, sessionId } from '../../testing/fixtures.js';
import { openWorld, readRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/sessions/token';
const path = `/v1/agent-sessions/${sessionId}/token`;
const token = createToken('nxs');

describe('getSessionToken', () => {
  it.each([`Bearer ${token}`, `bearer ${token}`, `BEARER  ${token} `])(
    'answers the payload of the contract to whoever holds the session token (%#)',
    async (authorization) => {
      await using world = await openWorld();
      world.broker.on(route, { body: { ...payloadFixture(), narrowed: true, session_id: 'x' } });
      const response = await world.send('GET', path, { headers: { Authorization: authorization } });
      expect(response.status).toBe(200);
      expect(SessionCredential.strict().parse(await response.json())).toEqual({ ...payloadFixture(), narrowed: true });
      expect(world.broker.callTo(route).body).toEqual({ session_id: sessionId, session_token: token });
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.has('www-authenticate')).toBe(false);
    },
  );

  it('B3: has no way out for a refresh token', async () => {
    await using world = await openWorld();
    const payload = payloadFixture();
    const credentials = { ...payload.credentials, refresh_token: 'canary' };
    world.broker.on(route, { body: { ...payload, credentials, narrowed: false } });
    const text = await (await world.send('GET', path, { bearer: token })).text();
    expect(text).not.toContain('canary');
    expect(JSON.parse(text)).toMatchObject({ narrowed: false });
  });

  it.each([
    ['nothing', {}],
    ['an empty header', { Authorization: '' }],
    ['the scheme alone', { Authorization: 'Bearer' }],
    ['no scheme', { Authorization: token }],
    ['another scheme', { Authorization: `Basic ${token}` }],
    ['two tokens', { Authorization: `Bearer ${token} ${token}` }],
    ['a list of tokens', { Authorization: `Bearer ${token}, Bearer ${token}` }],
    ['a connection id', { Authorization: `Bearer ${createToken('nxc')}` }],
    ['an agent key', { Authorization: `Bearer ${createToken('nxk')}` }],
    ['an admin key', { Authorization: `Bearer ${createToken('nxa')}` }],
    ['a token with a wrong checksum', { Authorization: `Bearer ${token.slice(0, -1)}${token.endsWith('0') ? 1 : 0}` }],
    ['a token in another case', { Authorization: `Bearer ${token.toUpperCase()}` }],
    ['the token as a key', { 'X-API-Key': token }],
    ['the token as a cookie', { Cookie: `Authorization=Bearer ${token}` }],
  ])('B5, B7: refuses %s without asking the Broker, and says what is needed', async (_name, headers) => {
    await using world = await openWorld();
    const response = await world.send('GET', `${path}?access_token=${token}`, { headers });
    expect(await readRefusal(response)).toEqual([401, 'invalid_session_token']);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="nexus"');
    expect(response.headers.get('x-request-id')).not.toBeNull();
    expect(world.broker.calls).toEqual([]);
  });

  it('does not read X-API-Key: no key opens a session, and none is passed on', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { ...payloadFixture(), narrowed: false } });
    expect(await readRefusal(await world.send('GET', path, { key: world.key }))).toEqual([
      401,
      'invalid_session_token',
    ]);
    const response = await world.send('GET', path, { key: 'no key at all', bearer: token });
    expect(response.status).toBe(200);
    expect(world.broker.callTo(route).headers['x-nexus-caller-key']).toBeUndefined();
  });

  it.each([
    ['invalid_session_token', 401],
    ['agent_inactive', 403],
    ['provider_not_allowed', 403],
    ['scope_not_allowed', 403],
    ['scope_not_granted', 403],
    ['cannot_narrow_token', 403],
    ['attention_required', 409],
    ['connection_revoked', 410],
    ['provider_unavailable', 502],
    ['audit_unavailable', 503],
  ] as const)('passes on the refusal %s as %i', async (code, status) => {
    await using world = await openWorld();
    world.broker.on(route, brokerError(code));
    const response = await world.send('GET', path, { bearer: token });
    expect(await readRefusal(response)).toEqual([status, code]);
    expect(response.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer realm="nexus"' : null);
  });

  it('logs neither the session token nor the credential', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { ...payloadFixture(), narrowed: false } });
    await world.send('GET', path, { bearer: token });
    await world.send('GET', path, { headers: { Authorization: token } });
    const text = world.gateway.log.lines.join('\n');
    expect(text).toContain('/v1/agent-sessions/:id/token');
    for (const secret of [token, 'fixture-access-token']) expect(text).not.toContain(secret);
  });
});
