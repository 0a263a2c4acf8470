/** Who is a client of the standard door, on each of its routes. */
import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { openedFixture } from './testing/fixtures.js';
import { openWorld, readOAuthRefusal } from './testing/world.js';

const paths = ['/v1/oauth/token', '/v1/oauth/introspect', '/v1/oauth/revoke'];
const key = createToken('nxk');
const token = createToken('nxs');
const form = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token: createToken('nxc'),
  subject_token_type: 'urn:nexus:params:token-type:connection',
  scope: 'openid',
  token,
};

function basic(text: string, encoding: 'utf8' | 'latin1' = 'utf8'): string {
  return Buffer.from(text, encoding).toString('base64');
}

const good = basic(`agent:${key}`);

describe.each(paths)('the client of %s', (path) => {
  it.each([
    ['nothing', {}],
    ['an empty header', { Authorization: '' }],
    ['the scheme alone', { Authorization: 'Basic' }],
    ['another scheme', { Authorization: `Bearer ${good}` }],
    ['its key as a bearer token', { Authorization: `Bearer ${key}` }],
    ['its key in X-API-Key', { 'X-API-Key': key }],
    ['text that is not base64', { Authorization: 'Basic %%%' }],
    ['broken base64', { Authorization: `Basic ${good.slice(0, 9)}*${good.slice(10)}` }],
    ['base64 with stray bits', { Authorization: 'Basic YWI6Yx==' }],
    ['base64url', { Authorization: `Basic ${basic(`>>>???:${key}`).replaceAll('+', '-').replaceAll('/', '_')}` }],
    ['two credentials', { Authorization: `Basic ${good}, Basic ${good}` }],
    ['no colon', { Authorization: `Basic ${basic(`agent${key}`)}` }],
    ['no agent id', { Authorization: `Basic ${basic(`:${key}`)}` }],
    ['no key', { Authorization: `Basic ${basic('agent:')}` }],
    ['an app key', { Authorization: `Basic ${basic(`agent:${createToken('nxp')}`)}` }],
    ['an admin key', { Authorization: `Basic ${basic(`agent:${createToken('nxa')}`)}` }],
    ['a key with a wrong checksum', { Authorization: `Basic ${basic(`agent:${key.slice(0, -6)}000000`)}` }],
    ['a percent sign that encodes nothing', { Authorization: `Basic ${basic(`agent%:${key}`)}` }],
    ['an id with a NUL', { Authorization: `Basic ${basic(`agent%00:${key}`)}` }],
    ['an id with a line break', { Authorization: `Basic ${basic(`agent%0A:${key}`)}` }],
    ['an id that is not UTF-8', { Authorization: `Basic ${basic(`agent\xFF:${key}`, 'latin1')}` }],
    ['an id of 129 characters', { Authorization: `Basic ${basic(`${'a'.repeat(129)}:${key}`)}` }],
  ])('B5: is not authenticated by %s, and is told how', async (_name, headers) => {
    await using world = await openWorld();
    const response = await world.send('POST', path, { headers, form });
    expect(await readOAuthRefusal(response)).toEqual([401, 'invalid_client']);
    expect(response.headers.get('www-authenticate')).toBe('Basic realm="nexus"');
    expect(await response.text()).not.toContain(key);
    expect(world.broker.calls).toEqual([]);
  });

  it.each([
    ['another client_id', { client_id: 'other' }],
    ['a client_secret', { client_secret: key }],
    ['its client_id and client_secret in the body', { client_id: 'agent', client_secret: key }],
    ['a client assertion', { client_assertion: 'x' }],
    ['the type of a client assertion', { client_assertion_type: 'x' }],
  ])('is not authenticated where the form says %s', async (_name, more) => {
    await using world = await openWorld();
    for (const client of [{ agentId: 'agent', key }, undefined]) {
      const sending = { form: { ...form, ...more }, ...(client === undefined ? {} : { client }) };
      expect(await readOAuthRefusal(await world.send('POST', path, sending))).toEqual([401, 'invalid_client']);
    }
    expect(world.broker.calls).toEqual([]);
  });

  it('is told that it is none before its form is judged', async () => {
    await using world = await openWorld();
    for (const sending of [{}, { form: {} }, { json: { a: 1 } }]) {
      expect(await readOAuthRefusal(await world.send('POST', path, sending))).toEqual([401, 'invalid_client']);
    }
  });

  it.each([
    ['JSON', { json: {} }, 400],
    ['another type', { headers: { 'Content-Type': 'text/plain' } }, 400],
    ['too large a form', { form: { token: 'x'.repeat(70_000) } }, 400],
    ['nothing', {}, 400],
  ])('G1, G4: is refused %s in the form of OAuth', async (_name, sending, status) => {
    await using world = await openWorld();
    const response = await world.send('POST', path, { ...sending, client: { agentId: 'agent', key } });
    expect(await readOAuthRefusal(response)).toEqual([status, 'invalid_request']);
    expect(world.broker.calls).toEqual([]);
  });

  it('finds the methods of the route where it tries another', async () => {
    await using world = await openWorld();
    const response = await world.send('GET', path);
    expect(await readOAuthRefusal(response)).toEqual([405, 'invalid_request']);
    expect(response.headers.get('allow')).toBe('POST');
  });
});

describe('a client', () => {
  const route = 'POST /internal/v1/sessions/create';

  it.each([
    ['plain', basic(`team-ci_1:${key}`)],
    ['form-encoded', basic(`team-ci%5F1:${key.replace('_', '%5F')}`)],
    ['without padding', basic(`team-ci_1:${key}`).replaceAll('=', '')],
  ])('is known by its id and key, %s', async (_name, credentials) => {
    await using world = await openWorld();
    world.broker.on(route, { body: openedFixture() });
    const headers = { Authorization: `basic ${credentials}` };
    const response = await world.send('POST', '/v1/oauth/token', {
      headers,
      form: { ...form, client_id: 'team-ci_1' },
    });
    expect(response.status).toBe(200);
    const call = world.broker.callTo(route);
    expect(call.headers['x-nexus-caller-key']).toBe(key);
    expect(call.body).toMatchObject({ agent_id: 'team-ci_1' });
  });

  it('may have a colon in its id, which the encoding keeps apart', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: openedFixture() });
    const client = { agentId: 'team:reader', key };
    expect((await world.send('POST', '/v1/oauth/token', { client, form })).status).toBe(200);
    expect(world.broker.callTo(route).body).toMatchObject({ agent_id: 'team:reader' });
  });

  it('is told in OAuth’s form that there is nothing at a path', async () => {
    await using world = await openWorld();
    const response = await world.send('POST', '/v1/oauth/authorize', { form });
    expect(await readOAuthRefusal(response)).toEqual([404, 'invalid_request']);
  });
});
