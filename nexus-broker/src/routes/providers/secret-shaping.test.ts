/** What an operator may not change of a provider that has secrets, whichever way it is written. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
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
  auth_url: 'https://{place}.acme.example/authorize',
  token_url: 'https://{place}.acme.example/token',
  inputs: { place: { title: 'Place', options: ['eu', 'us'] }, note: { title: 'Note', default: 'x' } },
  params: { note: '{note}' },
  refresh: { rotation: 'always' },
};
const whole = { name: 'own', ...acme, client_id: 'client-1' };
const secret = { client_secret: 'fixture-secret' };
const same = 'https://{place}.acme.example/webhooks/1';

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

const create = async (body: Json) => (await world.send('POST', '/admin/v1/providers', body, 'operator')).body;
const patch = (id: string, body: Json, role: 'operator' | 'admin' = 'operator') =>
  world.send('PATCH', `/admin/v1/providers/${id}`, body, role);
const put = (id: string, body: Json) => world.send('PUT', `/admin/v1/providers/${id}`, body, 'operator');

const shaping: Json = {
  refresh_url: same,
  introspection_endpoint: same,
  revoke: { via: 'http', request: { url: same, params: { content: '{token}' }, body_format: 'json' } },
  upgrade: { url: same, grant_type: 'x', token_param: 'content' },
  account: { request: { url: same } },
  token_request: { body_format: 'json' },
  token_answer: { paths: { scope: 'data.scope' } },
  param_names: { client_secret: 'embed' },
  scope_param: 'user_scope',
  refresh: { token_param: 'content' },
  api_base_url: 'https://evil.example',
  inputs: { ...acme.inputs, place: { title: 'Place' } },
};

describe('a provider with a stored client secret', () => {
  it.each(Object.entries(shaping))('S-9: needs an admin for another %s at the same origin', async (field, value) => {
    const { id } = await create({ ...whole, ...secret });
    const change = { [field]: value };
    for (const body of [change, { ...change, ...secret }, { ...change, client_secret: 'fixture-other' }]) {
      const refused = await patch(id, body);
      expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
      expect(refused.body.message).toContain(field);
      expect((await put(id, { ...whole, ...body })).status).toBe(403);
    }
    expect((await patch(id, change, 'admin')).status).toBe(200);
  });

  it('is an operator’s in all else', async () => {
    const { id } = await create({ ...whole, ...secret });
    const inputs = { place: { ...acme.inputs.place, title: 'Region' }, note: { title: 'Note', default: 'y' } };
    const refresh = { rotation: 'never', margin: 60 };
    expect((await patch(id, { scopes: ['read'], inputs, refresh, revoke: { kills: 'grant' } })).status).toBe(200);
    expect((await patch(id, { token_url: 'https://{place}.acme.example/other' })).status).toBe(200);
  });

  it('may be moved by an operator to what its template says now, and to nothing beside it', async () => {
    const { id } = await create({ template: 'acme', client_id: 'client-1', ...secret });
    const next = {
      refresh: { params: { type: 'refresh' } },
      refresh_url: same,
      api_base_url: 'https://api.acme.example',
    };
    catalogue.templates = [createTemplate('acme', { ...acme, ...next }, 'fedcba9876543210')];
    const beside = await patch(id, { template: 'acme', refresh: { token_param: 'content' } });
    expect([beside.status, beside.body.message]).toEqual([403, expect.stringMatching(/: refresh\.$/)]);
    expect((await patch(id, { template: 'acme', ...secret })).body).toMatchObject({ refresh_url: same, version: 2 });
  });

  it('S-9: does not take up another template by an operator', async () => {
    const other = createTemplate('other', { ...acme, token_request: { body_format: 'json' } });
    catalogue.templates = [...shipped, other];
    const { id } = await create({ template: 'acme', client_id: 'client-1', ...secret });
    expect((await patch(id, { template: 'other' })).status).toBe(403);
    expect((await patch(id, { template: 'other' }, 'admin')).status).toBe(200);
  });
});

it('a provider without secrets is an operator’s', async () => {
  const { id } = await create(whole);
  expect((await patch(id, shaping)).status).toBe(200);
});
