/** The six provider operations: the Gateway passes them on with the caller's own key. */
import { describe, expect, it } from 'vitest';
import { Provider } from '../../schemas/v1/provider.js';
import { brokerError } from '../../testing/fake-broker.js';
import { profileFixture } from '../../testing/fixtures.js';
import { openWorld, publicUrl, readRefusal } from '../../testing/world.js';

const list = 'GET /admin/v1/providers';
const one = '/admin/v1/providers/p1';

function publicProfile(id = 'p1'): Record<string, unknown> {
  const { version: _internal, ...profile } = profileFixture(id);
  return profile;
}

describe('listProviders', () => {
  it('answers an array of profiles without secrets', async () => {
    await using world = await openWorld();
    world.broker.on(list, { body: [{ ...profileFixture(), client_secret: 'canary' }, profileFixture('p2')] });
    const response = await world.send('GET', '/v1/providers', { key: world.key });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual([publicProfile(), publicProfile('p2')]);
    expect(world.broker.callTo(list).headers['x-nexus-caller-key']).toBe(world.key);
  });

  it('pages by limit, each page naming the next, until the last', async () => {
    await using world = await openWorld();
    world.broker.on(list, { body: ['a', 'b', 'c', 'd', 'e'].map((id) => profileFixture(id)) });
    const seen: string[] = [];
    let next: string | null = '/v1/providers?limit=2';
    while (next !== null) {
      const response = await world.send('GET', next, { key: world.key });
      seen.push(((await response.json()) as { id: string }[]).map(({ id }) => id).join(''));
      const link = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
      next = link === undefined ? null : link.replace(publicUrl, '');
    }
    expect(seen).toEqual(['ab', 'cd', 'e']);
    const foreign = await world.send('GET', '/v1/providers?limit=2&after=zz', { key: world.key });
    expect(await readRefusal(foreign)).toEqual([400, 'invalid_cursor']);
  });
});

describe('getProvidersMetadata', () => {
  const route = 'POST /internal/v1/providers/metadata';
  const card = {
    id: 'p1',
    display_name: 'Acme',
    description: null,
    category: null,
    api_base_url: null,
    user_info_endpoint: null,
    scopes: [],
    logo_url: null,
    docs_url: null,
  };

  it('is open to frontends, which hold no key, and groups by auth type', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { oauth2: { acme: { ...card, client_id: 'hidden' } } } });
    const response = await world.send('GET', '/v1/providers/metadata');
    expect(await response.json()).toEqual({ oauth2: { acme: card } });
  });

  it('says what people are asked for', async () => {
    await using world = await openWorld();
    const input = { title: 'Site', description: null, pattern: null, options: [], default: null, allowed_hosts: [] };
    const asking = { ...card, credential_schema: { type: 'object' }, inputs: { site: input } };
    world.broker.on(route, { body: { api_key: { acme: asking } } });
    const response = await world.send('GET', '/v1/providers/metadata');
    expect(await response.json()).toEqual({ api_key: { acme: asking } });
  });

  it('is closed by METADATA_REQUIRES_KEY', async () => {
    await using world = await openWorld({ METADATA_REQUIRES_KEY: 'true' });
    world.broker.on(route, { body: {} });
    const open = await world.send('GET', '/v1/providers/metadata');
    expect(await readRefusal(open)).toEqual([401, 'missing_api_key']);
    expect((await world.send('GET', '/v1/providers/metadata', { key: world.key })).status).toBe(200);
  });
});

describe('createProvider', () => {
  it.each([[{ name: 'acme' }], [{ profile: { name: 'acme' } }]])('passes %j on and answers 201', async (json) => {
    await using world = await openWorld();
    world.broker.on('POST /admin/v1/providers', { status: 201, body: profileFixture() });
    const response = await world.send('POST', '/v1/providers', { key: world.key, json });
    expect(response.status).toBe(201);
    expect(Provider.strict().parse(await response.json())).toEqual(publicProfile());
    expect(world.broker.callTo('POST /admin/v1/providers').body).toEqual(json);
  });

  it.each(['provider_exists', 'provider_unsafe', 'reserved_parameter', 'forbidden', 'invalid_api_key'] as const)(
    'passes on %s',
    async (code) => {
      await using world = await openWorld();
      world.broker.on('POST /admin/v1/providers', brokerError(code));
      const response = await world.send('POST', '/v1/providers', { key: world.key, json: { name: 'a' } });
      expect(await readRefusal(response)).toEqual([brokerError(code).status, code]);
    },
  );
});

describe('getProvider, updateProvider, deleteProvider', () => {
  it('reads, changes and deletes by id', async () => {
    await using world = await openWorld();
    world.broker.on(`GET ${one}`, { body: profileFixture() });
    world.broker.on(`PATCH ${one}`, { body: profileFixture() });
    world.broker.on(`DELETE ${one}`, { body: { id: 'p1', deleted: true, connections: 0 } });
    const read = await world.send('GET', '/v1/providers/p1', { key: world.key });
    expect(await read.json()).toEqual(publicProfile());
    const changed = await world.send('PATCH', '/v1/providers/p1', { key: world.key, json: { scopes: ['a'] } });
    expect(await changed.json()).toEqual(publicProfile());
    expect(world.broker.callTo(`PATCH ${one}`).body).toEqual({ scopes: ['a'] });
    const deleted = await world.send('DELETE', '/v1/providers/p1', { key: world.key });
    expect(await deleted.json()).toEqual({ id: 'p1', deleted: true, connections: 0 });
    expect(world.broker.callTo(`DELETE ${one}`).query).toBe('');
  });

  it('forces a deletion only when told so', async () => {
    await using world = await openWorld();
    world.broker.on(`DELETE ${one}`, { body: { id: 'p1', deleted: true, connections: 3 } });
    await world.send('DELETE', '/v1/providers/p1?force=true', { key: world.key });
    expect(world.broker.callTo(`DELETE ${one}`).query).toBe('?force=true');
    const unclear = await world.send('DELETE', '/v1/providers/p1?force=1', { key: world.key });
    expect(await unclear.json()).toMatchObject({ code: 'invalid_request', details: [{ path: 'force' }] });
  });

  it.each(['provider_not_found', 'provider_in_use'] as const)('passes on %s', async (code) => {
    await using world = await openWorld();
    world.broker.on(`DELETE ${one}`, brokerError(code));
    const response = await world.send('DELETE', '/v1/providers/p1', { key: world.key });
    expect(await readRefusal(response)).toEqual([brokerError(code).status, code]);
  });

  it.each([
    '..%2fkeys',
    '%2e%2e%2fkeys',
    'p1%2f..%2f..%2fkeys',
    'p1%3Fforce=true',
    'a%20b',
    '%00',
    'é',
    '.',
    'x'.repeat(65),
  ])('B14: an id such as %s reaches no other administrative route', async (id) => {
    await using world = await openWorld();
    for (const method of ['GET', 'DELETE']) {
      const response = await world.send(method, `/v1/providers/${id}`, { key: world.key });
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
    }
    expect(world.broker.calls).toEqual([]);
  });
});
