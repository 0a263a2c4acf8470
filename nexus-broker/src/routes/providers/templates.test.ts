import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  ChangingCatalogue,
  createTemplate,
  type Json,
  openProviderWorld,
  type ProviderWorld,
} from './provider-routes-fixture.js';

const oauth = {
  display_name: 'Acme',
  auth_type: 'oauth2',
  auth_url: 'https://login.acme.example/authorize',
  token_url: 'https://token.acme.example/token',
  revocation_endpoint: 'https://token.acme.example/revoke',
  allowed_origins: ['https://login.acme.example', 'https://token.acme.example'],
  token_endpoint_auth_method: 'client_secret_post',
  scopes: ['read', 'offline'],
  params: { access_type: 'offline' },
  refresh: { rotation: 'always' },
};
const statical = { display_name: 'Weather', auth_type: 'api_key', api_base_url: 'https://api.weather.example' };
const client = { client_id: 'client-1', client_secret: 'fixture-secret' };

const shipped = [createTemplate('acme', oauth), createTemplate('weather', statical)];
const catalogue = new ChangingCatalogue(...shipped);
let world: ProviderWorld;

beforeAll(async () => {
  world = await openProviderWorld(catalogue);
});
afterEach(async () => {
  catalogue.templates = shipped;
  await world.clear();
});
afterAll(() => world.close());

const create = (body: Json) => world.send('POST', '/admin/v1/providers', body);
const patch = (id: string, body: Json, role?: 'operator') =>
  world.send('PATCH', `/admin/v1/providers/${id}`, body, role);

/** A new release ships the template with these fields changed. */
function release(changes: Json): void {
  catalogue.templates = [createTemplate('acme', { ...oauth, ...changes }, 'fedcba9876543210')];
}

describe('a provider made from a template', () => {
  it('has the fields of the template, and of the body where the body has them', async () => {
    const { status, body } = await create({ template: 'acme', ...client });
    expect(status).toBe(201);
    const { scopes, token_url, token_endpoint_auth_method, params } = body;
    expect({ scopes, token_url, token_endpoint_auth_method, params }).toEqual({
      scopes: oauth.scopes,
      token_url: oauth.token_url,
      token_endpoint_auth_method: 'client_secret_post',
      params: oauth.params,
    });
    expect(body).toMatchObject({ name: 'acme', display_name: 'Acme', client_id: 'client-1', client_secret_set: true });
    expect(body.template).toEqual({ name: 'acme', digest: '0123456789abcdef', overrides: ['client_id'] });
    expect((await world.send('GET', `/admin/v1/providers/${body.id}`)).body).toEqual(body);
  });

  it('is found by another name, named as the body says, and each field is replaced whole', async () => {
    const given = { params: { prompt: 'consent' }, scopes: ['read'], auth_header: 'client_secret_basic' };
    const { body } = await create({ profile: { template: 'acme-alias', name: 'acme-work', ...client, ...given } });
    expect(body).toMatchObject({
      name: 'acme-work',
      params: { prompt: 'consent' },
      scopes: ['read'],
      token_endpoint_auth_method: 'client_secret_basic',
    });
    const overrides = ['client_id', 'params', 'scopes', 'token_endpoint_auth_method'];
    expect(body.template).toMatchObject({ name: 'acme', overrides });
  });

  it('takes something of the template away where the body says null', async () => {
    const { body } = await create({ template: 'acme', ...client, revocation_endpoint: null, scopes: null });
    expect(body).toMatchObject({ revocation_endpoint: null, scopes: [] });
    expect(body.template.overrides).toEqual(['client_id', 'revocation_endpoint', 'scopes']);
  });

  it.each([
    ['a template that is not shipped', { template: 'acne' }, 'template', 'acne is not shipped; the nearest are acme'],
    ['the beginning of a name', { template: 'weat' }, 'template', 'weat is not shipped; the nearest are weather'],
    ['a name like nothing', { template: 'zzzzzzzzzz' }, 'template', 'zzzzzzzzzz is not shipped'],
    ['no name at all', { template: 'No Name!' }, 'template', 'is not shipped'],
    ['no text', { template: { name: 'acme' } }, 'template', 'must be the name of a template'],
    ['an unknown field', { template: 'acme', tocken_url: 'x' }, 'tocken_url', 'is not a known field'],
    ['a wrong override', { template: 'acme', pkce: 'maybe' }, 'pkce', 'must be one of'],
    ['another kind of credential', { template: 'acme', auth_type: 'api_key' }, 'auth_url', 'is for oauth2'],
    ['OAuth fields beside a static one', { template: 'weather' }, 'client_secret', 'is for oauth2 providers only'],
    ['no name', { template: 'acme', name: 17 }, 'name', 'must be a string'],
  ])('refuses %s', async (_case, body, path, message) => {
    const refused = await create({ ...client, ...body });
    expect([refused.status, refused.body.code]).toEqual([400, 'invalid_request']);
    const details = refused.body.details.find((detail: Json) => detail['path'] === path);
    expect(details?.message).toContain(message);
  });

  it('refuses an endpoint elsewhere that nobody listed, as for any profile', async () => {
    const stray = { template: 'acme', ...client, token_url: 'https://evil.example/token' };
    expect((await create(stray)).body.code).toBe('provider_unsafe');
    const listed = { ...stray, allowed_origins: ['https://login.acme.example', 'https://evil.example'] };
    expect((await create(listed)).body.code).toBe('provider_unsafe');
    const all = [...listed.allowed_origins, 'https://token.acme.example'];
    expect((await create({ ...listed, allowed_origins: all })).status).toBe(201);
    expect((await create({ template: 'acme', ...client, name: 'b', params: { state: 'x' } })).body.code).toBe(
      'reserved_parameter',
    );
  });
});

describe('a patch of a provider made from a template', () => {
  async function createAcme(body: Json = {}) {
    return (await create({ template: 'acme', ...client, ...body })).body;
  }

  it('adds what it names to the overrides, and null gives the value of the template back', async () => {
    const { id, ...before } = await createAcme();
    const changed = await patch(id, { scopes: ['write'], description: 'Ours' });
    expect(changed.body).toMatchObject({ scopes: ['write'], description: 'Ours', params: oauth.params });
    expect(changed.body.template.overrides).toEqual(['client_id', 'description', 'scopes']);
    const back = await patch(id, { scopes: null, description: null });
    expect(back.body).toMatchObject({ scopes: oauth.scopes, description: null, template: before.template });
    const method = await patch(id, { auth_header: 'client_secret_basic' });
    expect(method.body.template.overrides).toEqual(['client_id', 'token_endpoint_auth_method']);
    const former = await patch(id, { auth_header: null });
    expect(former.body).toMatchObject({
      token_endpoint_auth_method: 'client_secret_post',
      template: { overrides: ['client_id'] },
    });
    const { version: _was, updated_at: _then, ...rest } = before;
    const { id: _id, version: _is, updated_at: _now, ...now } = former.body;
    expect(now).toEqual(rest);
  });

  it('expands the template anew when it names it, and keeps the overrides and the client', async () => {
    const { id } = await createAcme({ scopes: ['read'], params: null });
    release({ scopes: ['all'], params: { a: 'b' }, refresh: { rotation: 'never' }, pkce: 'required' });
    expect((await patch(id, { description: 'x' })).body).toMatchObject({ pkce: 'supported' });
    const { body } = await patch(id, { template: 'acme', params: { own: 'yes' } });
    expect(body).toMatchObject({
      pkce: 'required',
      scopes: ['read'],
      params: { own: 'yes' },
      refresh: { rotation: 'never' },
      client_id: 'client-1',
      client_secret_set: true,
      description: 'x',
    });
    const overrides = ['client_id', 'description', 'params', 'scopes'];
    expect(body.template).toEqual({ name: 'acme', digest: 'fedcba9876543210', overrides });
    expect((await patch(id, { template: 'acme', scopes: null })).body.scopes).toEqual(['all']);
  });

  it('forgets the template for null and keeps the fields, and takes one up by its name', async () => {
    const { id } = await createAcme({ scopes: ['read'] });
    const detached = await patch(id, { template: null });
    expect(detached.body).toMatchObject({ template: null, scopes: ['read'], params: oauth.params });
    expect((await patch(id, { params: null })).body).toMatchObject({ params: {}, template: null });
    const adopted = await patch(id, { template: 'acme', scopes: ['mine'] });
    expect(adopted.body).toMatchObject({ params: oauth.params, scopes: ['mine'], client_id: 'client-1' });
    expect(adopted.body.template.overrides).toEqual(['client_id', 'scopes']);
    const other = await patch(id, { template: 'weather' });
    expect([other.status, other.body.details[0].path]).toEqual([400, 'auth_type']);
  });

  it('does not need the template, unless it asks for something of it', async () => {
    const { id, template } = await createAcme();
    catalogue.templates = [];
    const changed = await patch(id, { scopes: ['write'] });
    expect(changed.body).toMatchObject({
      scopes: ['write'],
      template: { ...template, overrides: ['client_id', 'scopes'] },
    });
    for (const body of [{ scopes: null }, { template: 'acme' }]) {
      const refused = await patch(id, body);
      expect([refused.status, refused.body.details[0].path]).toEqual([400, 'template']);
    }
    expect((await patch(id, { template: null })).body).toMatchObject({ scopes: ['write'], template: null });
  });

  it('S-9: needs an admin, or the secret, where the template sends a stored secret to a new origin', async () => {
    const { id } = await createAcme();
    const move = (origin: string) =>
      release({ token_url: `${origin}/token`, allowed_origins: [...oauth.allowed_origins, origin] });
    move('https://next.acme.example');
    const refused = await patch(id, { template: 'acme' }, 'operator');
    expect([refused.status, refused.body.details[0].path]).toEqual([400, 'client_secret']);
    expect((await patch(id, { template: 'acme', client_secret: 'fixture-secret' }, 'operator')).status).toBe(200);
    move('https://third.acme.example');
    expect((await patch(id, { template: 'acme' }, 'operator')).status).toBe(400);
    expect((await patch(id, { template: 'acme' })).status).toBe(200);
  });

  it('is recorded with the names of the fields that changed, never their values', async () => {
    const { id } = await createAcme();
    release({ scopes: ['fixture-scope'] });
    await patch(id, { template: 'acme', client_secret: 'fixture-next' });
    const { events } = (await world.send('GET', '/audit?event_type=provider.updated&limit=1')).body;
    expect(events[0].data).toMatchObject({ provider_id: id });
    expect(events[0].data.fields).toEqual(['client_secret', 'scopes', 'template']);
    expect(JSON.stringify(events)).not.toContain('fixture-');
  });
});
