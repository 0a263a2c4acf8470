/** One provider, many tenants: a connection stays at the tenant it was made at, and people see which one that is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Requested, registerStaticProvider, requestConnection, returnUrl } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { engines, type Stack, startStack } from '../support/stack.js';

describe.each(engines)('the tenant of a connection on %s', (engine) => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ engine });
    await registerStaticProvider(stack, {
      name: 'tenants',
      display_name: 'Tenants',
      api_base_url: 'https://{sub}.tenants.example',
      inputs: { sub: { title: 'Subdomain' }, team: { title: 'Team', default: 'all' } },
    });
  });
  afterAll(() => stack.close());

  const request = (sub: string) => requestConnection(stack, { provider_name: 'tenants', inputs: { sub } });
  const again = async ({ connection_id }: Requested, inputs: object) => {
    const body = {
      workspace_id: 'workspace-1',
      provider_name: 'tenants',
      return_url: returnUrl,
      connection_id,
      inputs,
    };
    return stack.gateway('POST', '/v1/request-connection', { body });
  };
  const capture = async ({ state }: Pick<Requested, 'state'>) => {
    const body = { state, credentials: { api_key: 'fixture-key' } };
    return (await stack.gateway('POST', '/v1/capture-credential', { body })).body;
  };

  it('S-9: stays what it was, however it is asked for again', async () => {
    const connected = await request('acme');
    expect(await capture(connected)).toMatchObject({ status: 'success' });
    const moved = await again(connected, { sub: 'evil' });
    expect([moved.status, moved.body.code, moved.body.details[0].path]).toEqual([400, 'invalid_request', 'inputs.sub']);
    const same = await again(connected, { sub: 'ACME', team: 'other' });
    expect(await capture(same.body)).toMatchObject({ status: 'success' });
    expect((await again(connected, {})).status).toBe(200);
  });

  it('S-9: may still be corrected before anything is connected, and then by no link of another tenant', async () => {
    const connected = await request('acme');
    const corrected = await again(connected, { sub: 'other' });
    expect(await capture(connected)).toMatchObject({ status: 'success' });
    expect(corrected.status).toBe(200);
    expect((await capture(corrected.body)).code).toBe('flow_already_used');
    const path = `/v1/check-connection/${connected.connection_id}`;
    expect((await stack.gateway('GET', path)).body).toMatchObject({ status: 'active' });
  });

  it('is shown to the person who is about to trust it', async () => {
    const { auth_url } = await request('Acme');
    const { text } = await new Person(stack.gatewayUrl).open(auth_url);
    expect(text).toContain('<bdi>Tenants</bdi> at <bdi>acme.tenants.example</bdi>');
  });
});
