import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey, type Requested, readAudit, requestConnection } from '../support/fixtures.js';
import { connectAs, connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { setAccessExpiry } from '../support/sql.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';

describe.each(engines)('a provider profile that moves to another origin on %s', (engine) => {
  let stack: Stack;
  let provider: ScriptedOauth;
  let elsewhere: ScriptedProvider;

  beforeAll(async () => {
    stack = await startStack({ engine });
  });
  afterAll(() => stack.close());

  const read = (requested: Requested): Promise<Answer> => stack.gateway('GET', `/v1/token/${requested.connection_id}`);
  const check = async (requested: Requested) =>
    (await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`)).body;
  const rebind = (body: unknown, key?: string): Promise<Answer> =>
    stack.broker('POST', `/admin/v1/providers/${provider.providerId}/rebind`, {
      body,
      ...(key === undefined ? {} : { key }),
    });

  /** Points the token endpoint of a new provider at a second host once `connect` has made its connections. */
  async function move<T>(name: string, connect: () => Promise<T>): Promise<T> {
    provider = await registerScriptedOauth(stack, { name });
    elsewhere = await startScriptedProvider();
    elsewhere.answer('/token', (request) => {
      const login = (request.form.get('refresh_token') ?? request.form.get('code') ?? '').split('-')[1];
      return { body: { access_token: `at-${login}-moved`, token_type: 'bearer', expires_in: 3_600 } };
    });
    const connected = await connect();
    const patched = await stack.broker('PATCH', `/admin/v1/providers/${provider.providerId}`, {
      body: { token_url: elsewhere.url('/token'), allowed_origins: [provider.server.origin, elsewhere.origin] },
    });
    expect(patched.status).toBe(200);
    return connected;
  }

  async function stop(): Promise<void> {
    await provider.close();
    await elsewhere.close();
  }

  it('S-9: sends the new host nothing, and the connection needs attention until an admin rebinds it', async () => {
    const requested = await move('mover', () => connectScripted(stack, provider, 'ada'));
    try {
      const current = await read(requested);
      expect(current.status).toBe(200);
      await setAccessExpiry(stack, requested.connection_ref);
      const refused = await read(requested);
      expect(refused.status).toBe(409);
      expect(refused.body).toMatchObject({ code: 'attention_required', reason: { code: 'origin_changed' } });
      expect((await stack.gateway('POST', `/v1/refresh/${requested.connection_id}`)).status).toBe(409);
      expect(await check(requested)).toMatchObject({ status: 'attention', reason: { code: 'origin_changed' } });
      expect(elsewhere.connectionCount()).toBe(0);
      expect(provider.tokenCalls('refresh_token')).toHaveLength(0);

      const origins = { from_origin: provider.server.origin, to_origin: elsewhere.origin };
      const byOperator = await rebind(origins, (await createKey(stack, 'operator')).key);
      expect(byOperator.status).toBe(403);
      const wrong = await rebind({ ...origins, to_origin: 'http://127.0.0.1:1' });
      expect(wrong.status).toBe(400);
      expect(wrong.body).toMatchObject({ code: 'invalid_request', details: [{ path: 'to_origin' }] });
      expect((await rebind({ ...origins, from_origin: 'http://127.0.0.1:1' })).body.connections).toBe(0);
      expect((await check(requested)).status).toBe('attention');

      const rebound = await rebind(origins);
      expect(rebound.body).toEqual({ id: provider.providerId, connections: 1, reactivated: 1 });
      expect((await check(requested)).status).toBe('active');
      const token = await read(requested);
      expect(token.status).toBe(200);
      expect(token.body.credentials.access_token).toBe('at-ada-moved');
      expect(elsewhere.requests('/token')[0]?.form.get('refresh_token')).toMatch(/^rt-ada-/);
      const events = await readAudit(stack, requested.connection_ref);
      expect(events.find((event) => event.event_type === 'provider.rebound')).toMatchObject({
        actor: { type: 'key' },
        data: origins,
      });
    } finally {
      await stop();
    }
  });

  it('S-9: a rebind before anything is due covers the connections that still work', async () => {
    const requested = await move('early', () => connectScripted(stack, provider, 'eve'));
    try {
      const rebound = await rebind({ from_origin: provider.server.origin, to_origin: elsewhere.origin });
      expect(rebound.body).toEqual({ id: provider.providerId, connections: 1, reactivated: 0 });
      expect((await read(requested)).body.credentials.access_token).not.toBe('at-eve-moved');
      await setAccessExpiry(stack, requested.connection_ref);
      expect((await read(requested)).body.credentials.access_token).toBe('at-eve-moved');
    } finally {
      await stop();
    }
  });

  it('S-9: a deletion sends the old tokens to no revocation endpoint of the new profile', async () => {
    const requested = await move('leaver', () => connectScripted(stack, provider, 'lea'));
    try {
      const deleted = await stack.gateway('DELETE', `/v1/connections/${requested.connection_id}`, {
        key: stack.adminKey,
      });
      expect(deleted.body).toMatchObject({ provider_revoked: false, provider_revocation_error: 'origin_changed' });
      expect(provider.revoked()).toEqual([]);
      expect(elsewhere.connectionCount()).toBe(0);
    } finally {
      await stop();
    }
  });

  it('a reconnect binds the connection to the new origin without a rebind', async () => {
    const requested = await move('reconnect', () => connectScripted(stack, provider, 'rita'));
    try {
      await setAccessExpiry(stack, requested.connection_ref);
      expect((await read(requested)).status).toBe(409);
      const again = await requestConnection(stack, {
        provider_name: 'reconnect',
        connection_id: requested.connection_id,
      });
      await connectAs(stack, again, 'rita');
      expect((await check(requested)).status).toBe('active');
      expect((await read(requested)).status).toBe(200);
      expect(elsewhere.requests('/token')).toHaveLength(1);
    } finally {
      await stop();
    }
  });
});
