import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { writableFields } from '../../domain/wire-profile.js';
import {
  ChangingCatalogue,
  createTemplate,
  type Json,
  openProviderWorld,
  type ProviderWorld,
} from './provider-routes-fixture.js';

const acme = {
  display_name: 'Acme',
  auth_type: 'oauth2',
  auth_url: 'https://acme.example/authorize',
  token_url: 'https://acme.example/token',
  scopes: ['read'],
};
const whole = { name: 'own', ...acme, client_id: 'client-1' };
const secret = { client_secret: 'fixture-secret' };

const shipped = [createTemplate('acme', acme)];
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

const create = async (body: Json) => (await world.send('POST', '/admin/v1/providers', body)).body;
const replace = (id: string, body: Json, query = '', role?: 'operator') =>
  world.send('PUT', `/admin/v1/providers/${id}${query}`, body, role);
const preview = (body: Json, role?: 'operator' | 'auditor') =>
  world.send('POST', '/admin/v1/providers/preview', body, role);
const read = async (id: string) => (await world.send('GET', `/admin/v1/providers/${id}`)).body;

/** What a read shows and a write may say. */
function toBody(provider: Json): Json {
  return Object.fromEntries(
    Object.entries(provider).filter(([name]) => [...writableFields, 'template'].includes(name)),
  );
}

/** Without what every write changes. */
function lasting({ version: _version, updated_at: _at, ...rest }: Json): Json {
  return rest;
}

describe('replacing a provider', () => {
  it('gives what the body leaves out its default, and keeps the secret', async () => {
    const { id } = await create({ ...whole, ...secret, description: 'x', params: { a: 'b' } });
    const { status, body } = await replace(id, { ...whole, scopes: ['write'] });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      scopes: ['write'],
      description: null,
      params: {},
      client_secret_set: true,
      version: 2,
    });
    expect((await preview({ ...whole, ...secret })).body.client_secret).toBe('unchanged');
  });

  it('replaces the secret, and removes it for null', async () => {
    const { id } = await create({ ...whole, ...secret });
    await replace(id, { ...whole, client_secret: 'fixture-next' });
    expect((await preview({ ...whole, client_secret: 'fixture-next' })).body.client_secret).toBe('unchanged');
    const removed = await replace(id, { ...whole, client_secret: null });
    expect(removed.body).toMatchObject({ client_secret_set: false, token_endpoint_auth_method: 'none' });
    const lacking = await replace(id, { ...whole, token_endpoint_auth_method: 'client_secret_post' });
    expect([lacking.status, lacking.body.details[0].path]).toEqual([400, 'client_secret']);
  });

  it('replaces only the version that is expected', async () => {
    const { id } = await create(whole);
    expect((await replace(id, { ...whole, pkce: 'required' }, '?expected_version=1')).body.version).toBe(2);
    const late = await replace(id, { ...whole, pkce: 'refused' }, '?expected_version=1');
    expect([late.status, late.body.code]).toEqual([409, 'provider_changed']);
    expect((await read(id)).pkce).toBe('required');
    for (const query of ['?expected_version=0', '?expected_version=x', '?expected_version=1.5']) {
      expect((await replace(id, whole, query)).status).toBe(400);
    }
  });

  it('lets one of two at once win, and tells the other', async () => {
    const { id } = await create(whole);
    const both = ['required', 'refused'].map((pkce) => replace(id, { ...whole, pkce }, '?expected_version=1'));
    const codes = (await Promise.all(both)).map(({ body }) => body.code ?? 'replaced');
    expect(codes.sort()).toEqual(['provider_changed', 'replaced']);
    const unasked = ['required', 'refused'].map((pkce) => replace(id, { ...whole, pkce }));
    expect((await Promise.all(unasked)).map(({ status }) => status)).toEqual([200, 200]);
  });

  it.each([
    ['another kind of credential', { ...whole, auth_type: 'api_key' }, 'auth_type'],
    ['a body that is no profile', {}, 'auth_type'],
    ['an unknown field', { ...whole, version: 1 }, 'version'],
    ['a template that is not shipped', { ...whole, template: 'nobody' }, 'template'],
    ['a template it was not made from', { ...whole, template: { name: 'acme', digest: '0' } }, 'template'],
  ])('refuses %s', async (_case, body, path) => {
    const { id } = await create(whole);
    const refused = await replace(id, body);
    expect([refused.status, refused.body.details[0].path]).toEqual([400, path]);
    expect((await read(id)).version).toBe(1);
  });

  it('refuses the name of another provider, and an id nobody has', async () => {
    const { id } = await create(whole);
    await create({ ...whole, name: 'taken' });
    expect((await replace(id, { ...whole, name: 'taken' })).body.code).toBe('provider_exists');
    expect((await replace('nobody', whole)).body.code).toBe('provider_not_found');
  });

  it('S-1: refuses an endpoint within the network, which a preview does not look up', async () => {
    const { id } = await create(whole);
    const inside = { ...whole, auth_url: 'https://10.0.0.1/a', token_url: 'https://10.0.0.1/t' };
    expect((await replace(id, inside)).body.code).toBe('provider_unsafe');
    expect((await world.send('PATCH', `/admin/v1/providers/${id}`, inside)).body.code).toBe('provider_unsafe');
    expect((await world.send('POST', '/admin/v1/providers', { ...inside, name: 'b' })).body.code).toBe(
      'provider_unsafe',
    );
    expect((await preview(inside)).status).toBe(200);
  });

  it('S-9: needs an admin, or the secret, where a stored secret would go to a new origin', async () => {
    const { id } = await create({ ...whole, ...secret });
    const moved = { ...whole, revocation_endpoint: 'https://evil.example/', allowed_origins: ['https://evil.example'] };
    const refused = await replace(id, moved, '', 'operator');
    expect([refused.status, refused.body.details[0].path]).toEqual([400, 'client_secret']);
    expect((await replace(id, { ...moved, ...secret }, '', 'operator')).status).toBe(200);
    expect((await replace(id, whole, '', 'operator')).status).toBe(200);
    expect((await replace(id, moved)).status).toBe(200);
  });

  it('is recorded with the fields that changed', async () => {
    const { id } = await create({ ...whole, ...secret });
    await replace(id, { ...whole, ...secret, description: 'x', scopes: ['write'] });
    const { events } = (await world.send('GET', '/audit?event_type=provider.updated&limit=1')).body;
    expect(events[0].data).toMatchObject({ provider_id: id });
    expect(events[0].data.fields).toEqual(['client_secret', 'description', 'scopes']);
  });

  it('changes nothing where it is given what it shows, also after the template changed', async () => {
    const before = await create({ template: 'acme', ...whole, ...secret, pkce: 'required' });
    expect(lasting((await replace(before.id, toBody(before))).body)).toEqual(lasting(before));
    catalogue.templates = [createTemplate('acme', { ...acme, scopes: ['all'] }, 'fedcba9876543210')];
    const other = await replace(before.id, {
      ...toBody(before),
      template: { ...before.template, digest: 'fedcba9876543210' },
    });
    expect([other.status, other.body.details[0].path]).toEqual([400, 'template']);
    expect(lasting((await replace(before.id, toBody(before))).body)).toEqual(lasting(before));
    catalogue.templates = [];
    const { body } = await replace(before.id, { ...toBody(before), scopes: ['mine'], description: 'x' });
    expect(body.template.overrides).toEqual([...before.template.overrides, 'description'].sort());
    expect(body).toMatchObject({ scopes: ['mine'], description: 'x', pkce: 'required' });
  });
});

describe('a preview', () => {
  it('shows what a body would become, and stores nothing', async () => {
    const { status, body } = await preview(
      { template: 'acme', client_id: 'c', ...secret, pkce: 'required' },
      'operator',
    );
    expect(status).toBe(200);
    expect(body).toMatchObject({ client_secret: 'set', current: null });
    expect((await world.send('GET', '/admin/v1/providers')).body).toEqual([]);
    const created = await create({ template: 'acme', client_id: 'c', ...secret, pkce: 'required' });
    const { id: _id, version: _version, created_at: _created, updated_at: _updated, ...shown } = created;
    expect(body.profile).toEqual(shown);
    expect(JSON.stringify(body)).not.toContain('fixture-secret');
  });

  it.each([
    ['left out', secret, {}, 'unchanged', true],
    ['the same', secret, secret, 'unchanged', true],
    ['another', secret, { client_secret: 'fixture-other' }, 'changed', true],
    ['one more', secret, { client_secret: ['fixture-secret', 'fixture-other'] }, 'changed', true],
    ['taken away', secret, { client_secret: null }, 'unset', false],
    ['the first', {}, secret, 'set', true],
    ['none, as before', {}, { client_secret: null }, 'unchanged', false],
    ['left out, as before', {}, {}, 'unchanged', false],
  ])('tells what becomes of the secret: %s', async (_case, stored, given, verdict, isSet) => {
    await create({ ...whole, ...stored });
    const { body } = await preview({ ...whole, ...given });
    expect([body.client_secret, body.profile.client_secret_set]).toEqual([verdict, isSet]);
  });

  it('shows the live provider of that name beside it, found by the name of the template too', async () => {
    const live = await create({ template: 'acme', client_id: 'c', ...secret });
    const { body } = await preview({ template: 'acme-alias', client_id: 'c', scopes: ['write'] });
    expect(body.current).toEqual(live);
    expect(body.profile).toMatchObject({ name: 'acme', scopes: ['write'], client_secret_set: true });
    const kept = await preview(toBody(live));
    expect(kept.body.profile.template).toEqual(live.template);
  });

  it('reads another kind of credential as a registration: only that could have it', async () => {
    const live = await create({ ...whole, ...secret });
    const { body } = await preview({ name: 'own', auth_type: 'api_key' });
    expect(body).toMatchObject({ profile: { auth_type: 'api_key' }, client_secret: 'unchanged', current: live });
  });

  it('refuses what a registration would refuse, and whoever may not register', async () => {
    const codes = [
      (await preview({ ...whole, pkce: 'maybe' })).body.code,
      (await preview({ ...whole, params: { state: 'x' } })).body.code,
      (await preview({ ...whole, token_url: 'https://elsewhere.example/' })).body.code,
      (await preview({ template: { name: 'acme', digest: '0123456789abcdef' } })).body.code,
      (await preview(whole, 'auditor')).body.code,
    ];
    expect(codes).toEqual(['invalid_request', 'reserved_parameter', 'provider_unsafe', 'invalid_request', 'forbidden']);
  });
});
