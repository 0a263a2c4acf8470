import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey, requestConnection, returnUrl } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { engines, type Stack, startStack } from '../support/stack.js';

describe.each(engines)('a provider from a shipped template on %s', (engine) => {
  let stack: Stack;
  let key: string;
  let id: string;

  beforeAll(async () => {
    stack = await startStack({ engine });
    key = (await createKey(stack, 'operator')).key;
    const body = { template: 'zendesk', client_id: 'nexus', client_secret: 'fixture-client-secret', scopes: ['read'] };
    const created = await stack.gateway('POST', '/v1/providers', { key, body });
    expect(created.status, JSON.stringify(created.body)).toBe(201);
    id = created.body.id;
  });
  afterAll(() => stack.close());

  const metadata = async () => (await stack.gateway('GET', '/v1/providers/metadata')).body;

  it('is shown with what people are asked for and a picture, and never with its client', async () => {
    const { zendesk } = (await metadata()).oauth2;
    expect(zendesk).toMatchObject({ id, display_name: 'Zendesk', scopes: ['read'] });
    expect(zendesk.inputs.subdomain).toMatchObject({ title: expect.any(String), default: null });
    expect(zendesk.logo_url).toMatch(/^data:image\/svg\+xml;base64,/);
    expect(JSON.stringify(zendesk)).not.toMatch(/client|fixture/);
  });

  it('goes to the host of the tenant that was asked for', async () => {
    const requested = await requestConnection(stack, { provider_name: 'zendesk', inputs: { subdomain: 'Example' } });
    const hop = await new Person(stack.gatewayUrl).press(requested.auth_url);
    const { origin, searchParams } = new URL(hop.location);
    expect([origin, searchParams.get('client_id')]).toEqual(['https://example.zendesk.com', 'nexus']);
  });

  it.each([[undefined], [{}], [{ subdomain: 'evil.com/' }], [{ subdomain: '@' }], [{ subdomain: 'a.b' }]])(
    'S-1: names the input that is missing or cannot be: %j',
    async (inputs) => {
      const body = { workspace_id: 'w', provider_name: 'zendesk', return_url: returnUrl, inputs };
      const refused = await stack.gateway('POST', '/v1/request-connection', { body });
      expect([refused.status, refused.body.code, refused.body.details?.[0]?.path]).toEqual([
        400,
        'invalid_request',
        'inputs.subdomain',
      ]);
    },
  );

  it('is changed, brought back to the template, and replaced whole through the Broker', async () => {
    const changed = await stack.gateway('PATCH', `/v1/providers/${id}`, { key, body: { display_name: 'Support' } });
    expect(changed.body.template.overrides).toEqual(['client_id', 'display_name', 'scopes']);
    const back = await stack.gateway('PATCH', `/v1/providers/${id}`, { key, body: { display_name: null } });
    expect(back.body).toMatchObject({ display_name: 'Zendesk', template: { name: 'zendesk' } });
    const { body: live } = await stack.broker('GET', `/admin/v1/providers/${id}`);
    const whole = { template: 'zendesk', client_id: 'nexus', scopes: ['read'] };
    const preview = await stack.broker('POST', '/admin/v1/providers/preview', { key, body: whole });
    expect(preview.body).toMatchObject({ client_secret: 'unchanged', current: { id, version: live.version } });
    const path = `/admin/v1/providers/${id}?expected_version=${live.version}`;
    const replaced = await stack.broker('PUT', path, { key, body: whole });
    expect(replaced.body).toEqual({ ...live, version: live.version + 1, updated_at: replaced.body.updated_at });
    const late = await stack.broker('PUT', path, { key, body: whole });
    expect([late.status, late.body.code]).toEqual([409, 'provider_changed']);
  });
});
