import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Requested, readAudit, requestConnection } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import {
  answerAuthorization,
  connectAs,
  registerScriptedOauth,
  type ScriptedOauth,
} from '../support/scripted-oauth.js';
import { engines, type Stack, startStack } from '../support/stack.js';

describe.each(engines)('providers that tell more than tokens on %s', (engine) => {
  let stack: Stack;
  const providers: ScriptedOauth[] = [];

  beforeAll(async () => {
    stack = await startStack({ engine });
  });
  afterAll(async () => {
    await stack.close();
    await Promise.all(providers.map((provider) => provider.close()));
  });

  async function register(name: string, profile: Readonly<Record<string, unknown>>): Promise<ScriptedOauth> {
    const provider = await registerScriptedOauth(stack, { name, profile });
    providers.push(provider);
    return provider;
  }

  async function answer(requested: Requested, parameters: Readonly<Record<string, string>>): Promise<URLSearchParams> {
    const person = new Person(stack.gatewayUrl);
    const hop = await person.press(requested.auth_url);
    const returned = await person.open(answerAuthorization(hop.location, parameters));
    return new URL(returned.location).searchParams;
  }

  const realm = {
    account: { values: { realm_id: { from: 'callback', path: 'realmId', pattern: '[0-9]+', required: true } } },
    api_base_url: 'https://api.example.test/company/{realm_id}',
  };
  const read = (requested: Requested) => stack.gateway('GET', `/v1/token/${requested.connection_id}`);

  it('keeps what the callback told with the connection: the API is where it says, for its bearer only', async () => {
    const { name } = await register('realms', realm);
    const first = await requestConnection(stack, { provider_name: name });
    expect((await answer(first, { code: 'code-ada-1', realmId: '9130' })).get('status')).toBe('success');
    const second = await requestConnection(stack, { provider_name: name });
    await answer(second, { code: 'code-bob-1', realmId: '42' });
    expect((await read(first)).body.api_base_url).toBe('https://api.example.test/company/9130');
    expect((await read(second)).body.api_base_url).toBe('https://api.example.test/company/42');
  });

  it('fails the connection without it, and the code stays unspent', async () => {
    const provider = await register('needy', realm);
    const requested = await requestConnection(stack, { provider_name: provider.name });
    const returned = await answer(requested, { code: 'code-ada-1', realmId: '../9130' });
    expect(Object.fromEntries(returned)).toMatchObject({ status: 'failed', error: 'exchange_failed' });
    expect(provider.tokenCalls('authorization_code')).toHaveLength(0);
  });

  it('takes back the tokens of a connection that fails after they were issued', async () => {
    const values = { site: { from: 'userinfo', path: 'site', required: true } };
    const provider = await register('siteless', { account: { values } });
    const requested = await requestConnection(stack, { provider_name: provider.name });
    const returned = await connectAs(stack, requested, 'ada');
    expect(new URL(returned.location).searchParams.get('error')).toBe('exchange_failed');
    expect(provider.revoked()).toEqual(['rt-ada-1', 'at-ada-1']);
    const events = await readAudit(stack, requested.connection_ref);
    expect(events.find(({ event_type }) => event_type === 'connection.failed')).toMatchObject({
      data: { reason: 'exchange_failed' },
    });
  });

  it('is asked to revoke the way it understands', async () => {
    const provider = await register('remover', {});
    const url = provider.server.url('/apps/{client_id}/grants');
    const recipe = { method: 'DELETE', url, auth: 'client_basic', body_format: 'json', params: { token: '{token}' } };
    const changed = await stack.broker('PATCH', `/admin/v1/providers/${provider.providerId}`, {
      body: { revoke: { via: 'http', request: recipe } },
    });
    expect(changed.status, JSON.stringify(changed.body)).toBe(200);
    provider.server.answer('/apps/nexus/grants', { status: 204 });
    const requested = await requestConnection(stack, { provider_name: provider.name });
    await connectAs(stack, requested, 'lea');
    const deleted = await stack.gateway('DELETE', `/v1/connections/${requested.connection_id}`, {
      key: stack.adminKey,
    });
    expect(deleted.body).toMatchObject({ provider_revoked: true });
    expect(provider.server.requests('/apps/nexus/grants').map(({ method, body }) => [method, body])).toEqual([
      ['DELETE', '{"token":"at-lea-1"}'],
    ]);
    expect(provider.revoked()).toEqual([]);
  });
});
