import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey, requestConnection } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { type Stack, startStack } from '../support/stack.js';

describe('what was entrusted to one origin', () => {
  let stack: Stack;
  let honest: ScriptedOauth;
  let evil: ScriptedProvider;
  let operatorKey: string;

  beforeAll(async () => {
    stack = await startStack({ engine: 'sqlite' });
    honest = await registerScriptedOauth(stack);
    evil = await startScriptedProvider();
    operatorKey = (await createKey(stack, 'operator')).key;
  });
  afterAll(async () => {
    await stack.close();
    await honest.close();
    await evil.close();
  });

  const path = () => `/admin/v1/providers/${honest.providerId}`;
  const allowed = () => [honest.server.origin, evil.origin];

  it('S-9: does not follow an operator to another origin unless the client secret is sent again', async () => {
    for (const patch of [
      { revocation_endpoint: evil.url('/revoke') },
      { token_url: evil.url('/token') },
      { issuer: evil.origin },
    ]) {
      const body = { ...patch, allowed_origins: allowed() };
      const refused = await stack.broker('PATCH', path(), { key: operatorKey, body });
      expect([refused.status, refused.body.details?.[0]?.path]).toEqual([400, 'client_secret']);
    }
    const described = await stack.broker('PATCH', path(), { key: operatorKey, body: { description: 'the same' } });
    expect(described.status).toBe(200);
  });

  it('S-9: sends a token back to the origin it came from and nowhere else', async () => {
    const requested = await connectScripted(stack, honest, 'ada');
    const moved = await stack.broker('PATCH', path(), {
      body: { revocation_endpoint: evil.url('/revoke'), allowed_origins: allowed() },
    });
    expect(moved.status).toBe(200);
    const deleted = await stack.gateway('DELETE', `/v1/connections/${requested.connection_id}`, {
      key: stack.adminKey,
      body: { reason: 'left the team' },
    });
    expect(deleted.body).toMatchObject({
      status: 'revoked',
      provider_revoked: false,
      provider_revocation_error: 'origin_changed',
    });
    expect(evil.connectionCount()).toBe(0);
    const entries = await stack.broker('GET', `/audit?event_type=connection.revoked&limit=1`);
    expect(entries.body.events[0].data.reason).toBe('left the team');
  });

  it('H12: checks the return URL again before anybody is sent there', async () => {
    const origin = 'https://gone.example';
    const created = await stack.broker('POST', '/admin/v1/return-origins', {
      body: { origin, app_name: 'Gone', completion: 'confirm' },
    });
    const requested = await requestConnection(stack, {
      provider_name: honest.name,
      return_url: `${origin}/back`,
    });
    const person = new Person(stack.gatewayUrl);
    const hop = await person.press(requested.auth_url);
    const state = new URL(hop.location).searchParams.get('state') ?? '';
    await stack.broker('DELETE', `/admin/v1/return-origins/${created.body.id}`);
    const before = honest.tokenCalls('authorization_code').length;
    const answer = await person.open(`${stack.gatewayUrl}/auth/callback/${honest.name}?state=${state}&code=x`);
    expect([answer.status, answer.location]).toEqual([410, '']);
    expect(honest.tokenCalls('authorization_code')).toHaveLength(before);
  });
});
