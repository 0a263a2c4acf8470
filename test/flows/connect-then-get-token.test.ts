import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningOpenidProvider } from '@nexus/testkit/openid-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerOpenidProvider, requestConnection } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { engines, type Stack, startStack } from '../support/stack.js';

describe.each(engines)('an OAuth connection on %s', (engine) => {
  let stack: Stack;
  let provider: RunningOpenidProvider;

  beforeAll(async () => {
    stack = await startStack({ engine });
    ({ provider } = await registerOpenidProvider(stack));
  });
  afterAll(async () => {
    await stack.close();
    await provider.close();
  });

  it('goes from request to a token that works at the provider', async () => {
    const requested = await requestConnection(stack);
    const pending = await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`);
    expect(pending.body).toMatchObject({ status: 'pending', connection_ref: requested.connection_ref, account: null });

    const returned = await new Person(stack.gatewayUrl).connect(requested.auth_url, provider, 'ada');
    expect(returned.status).toBe(303);
    const location = new URL(returned.location);
    expect(Object.fromEntries(location.searchParams)).toEqual({
      status: 'success',
      connection_ref: requested.connection_ref,
      provider: 'acme',
    });

    const active = await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`);
    expect(active.body).toMatchObject({ status: 'active', account: { subject: 'ada', label: 'ada@example.test' } });
    const token = await stack.gateway('GET', `/v1/token/${requested.connection_id}`);
    expect(token.status).toBe(200);
    expect(token.body).toMatchObject({
      strategy: { type: 'oauth2' },
      provider: 'acme',
      scope: expect.stringContaining('openid'),
    });
    expect(Object.keys(token.body.credentials).sort()).toEqual(['access_token', 'expires_at', 'token_type']);
    const userinfo = await fetch(`${provider.issuer}/me`, {
      headers: { Authorization: `Bearer ${token.body.credentials.access_token}` },
    });
    expect(userinfo.status).toBe(200);
    expect(await userinfo.json()).toMatchObject({ sub: 'ada' });
  });

  it('returns a new token at the first read after expiry', async () => {
    provider.setAccessTokenTtl(1);
    const requested = await requestConnection(stack);
    await new Person(stack.gatewayUrl).connect(requested.auth_url, provider, 'bob');
    provider.setAccessTokenTtl(3_600);
    const first = await stack.broker('GET', `/admin/v1/connections/${requested.connection_ref}`);
    await sleep(first.body.expires_at * 1_000 - Date.now() + 50);
    const token = await stack.gateway('GET', `/v1/token/${requested.connection_id}`);
    expect(token.status).toBe(200);
    expect(token.body.expires_at).toBeGreaterThan(first.body.expires_at);
    expect(await provider.isTokenActive(token.body.credentials.access_token)).toBe(true);
  });

  it('asks for attention after a revocation at the provider, and is active again, under the same id, after a reconnect', async () => {
    const requested = await requestConnection(stack);
    await new Person(stack.gatewayUrl).connect(requested.auth_url, provider, 'cleo');
    provider.revokeEverythingFor('cleo');
    const refused = await stack.gateway('POST', `/v1/refresh/${requested.connection_id}`);
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      code: 'attention_required',
      status: 'attention',
      reason: { code: 'grant_revoked' },
    });
    const attention = await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`);
    expect(attention.body).toMatchObject({ status: 'attention', reason: { code: 'grant_revoked' } });

    const again = await requestConnection(stack, { connection_id: requested.connection_id });
    expect(again.connection_id).toBe(requested.connection_id);
    expect(again.connection_ref).toBe(requested.connection_ref);
    await new Person(stack.gatewayUrl).connect(again.auth_url, provider, 'cleo');
    const token = await stack.gateway('GET', `/v1/token/${requested.connection_id}`);
    expect(token.status).toBe(200);
    expect(await provider.isTokenActive(token.body.credentials.access_token)).toBe(true);
  });

  it('refuses to reconnect another account, and leaves the connection as it was', async () => {
    const requested = await requestConnection(stack);
    await new Person(stack.gatewayUrl).connect(requested.auth_url, provider, 'dora');
    const again = await requestConnection(stack, { connection_id: requested.connection_id });
    const returned = await new Person(stack.gatewayUrl).connect(again.auth_url, provider, 'eve');
    expect(new URL(returned.location).searchParams.get('error')).toBe('account_mismatch');
    const check = await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`);
    expect(check.body).toMatchObject({ status: 'active', account: { subject: 'dora' } });
  });
});
