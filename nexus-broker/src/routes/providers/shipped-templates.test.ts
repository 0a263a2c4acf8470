/** The catalogue as it is shipped: every template can be registered, read and written back. */
import { findTemplate, listTemplates, type Template } from '@nexus/catalogue/templates';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writableFields } from '../../domain/wire-profile.js';
import { type Json, openProviderWorld, type ProviderWorld } from './provider-routes-fixture.js';

let world: ProviderWorld;

beforeAll(async () => {
  world = await openProviderWorld({ findTemplate, listTemplates });
});
afterAll(() => world.close());

function toBody(provider: Json, more: readonly string[] = []): Json {
  return Object.fromEntries(Object.entries(provider).filter(([name]) => [...writableFields, ...more].includes(name)));
}

function lasting({ version: _version, updated_at: _at, ...rest }: Json): Json {
  return rest;
}

function clientOf({ authType, profile }: Template): Json {
  if (authType !== 'oauth2') return {};
  const isPublic = profile['token_endpoint_auth_method'] === 'none';
  return { client_id: 'client-1', ...(isPublic ? {} : { client_secret: 'fixture-secret' }) };
}

describe('the shipped templates', () => {
  it('are many', () => {
    expect(listTemplates().length).toBeGreaterThan(30);
  });

  it.each(listTemplates().map((template) => [template.name, template] as const))(
    '%s registers, and is the same after it was written back',
    async (name, template) => {
      const created = await world.send('POST', '/admin/v1/providers', { template: name, ...clientOf(template) });
      expect(created.status, JSON.stringify(created.body)).toBe(201);
      const { id } = created.body;
      expect(created.body).toMatchObject({ name, template: { name, digest: template.digest } });
      const path = `/admin/v1/providers/${id}`;
      const kept = await world.send('PUT', path, toBody(created.body, ['template']));
      expect(lasting(kept.body)).toEqual(lasting(created.body));
      expect(lasting((await world.send('PATCH', path, { template: name })).body)).toEqual(lasting(created.body));
      const own = await world.send('PUT', path, toBody(created.body));
      expect(lasting(own.body)).toEqual({ ...lasting(created.body), template: null });
    },
  );

  it('can all be drawn by a frontend: with a picture, and with the inputs people are asked for', async () => {
    const { status, body } = await world.send('POST', '/internal/v1/providers/metadata', {}, 'gateway');
    expect(status).toBe(200);
    const cards = Object.values(body).flatMap((group) => Object.entries(group as Record<string, Json>));
    expect(cards.map(([name]) => name).sort()).toEqual(listTemplates().map(({ name }) => name));
    for (const [name, card] of cards) {
      const { logo_url: logo = null, inputs = {} } = findTemplate(name)?.profile ?? {};
      expect(card['logo_url']).toEqual(logo ?? expect.stringMatching(/^data:image\/svg\+xml;base64,/));
      expect(Object.keys((card['inputs'] ?? {}) as Json)).toEqual(Object.keys(inputs as Json));
    }
  });
});
