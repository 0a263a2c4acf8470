import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAudit, registerStaticProvider, requestConnection } from '../support/fixtures.js';
import { createRefreshActions } from '../support/refresh-actions.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { readSealed, setAccessExpiry } from '../support/sql.js';
import { engines, type Stack, startStack } from '../support/stack.js';

describe.each(engines)('refreshing on demand on %s', (engine) => {
  let stack: Stack;
  let provider: ScriptedOauth;

  beforeAll(async () => {
    stack = await startStack({ engine });
    provider = await registerScriptedOauth(stack);
  });
  afterAll(async () => {
    await stack.close();
    await provider.close();
  });

  const { read, force, check, refreshCalls } = createRefreshActions(() => ({ stack, provider }));

  it('R19: forcing again and again calls the provider once, and says that the token is not a new one', async () => {
    const requested = await connectScripted(stack, provider, 'hammer');
    const first = await force(requested);
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({ refreshed: true, provider: 'scripted', strategy: { type: 'oauth2' } });
    const again = await Promise.all(Array.from({ length: 100 }, () => force(requested)));
    for (const answer of again) {
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ refreshed: false, credentials: first.body.credentials });
    }
    expect(refreshCalls('hammer')).toHaveLength(1);
    await stack.stopBroker('SIGTERM');
    await stack.startBroker();
    expect((await force(requested)).body.refreshed).toBe(false);
    await setAccessExpiry(stack, requested.connection_ref);
    expect((await force(requested)).body.refreshed).toBe(true);
    expect(refreshCalls('hammer')).toHaveLength(2);
  });

  it('forcing that fails at the provider damages nothing', async () => {
    const requested = await connectScripted(stack, provider, 'sturdy');
    const token = (await read(requested)).body.credentials.access_token;
    const sealed = await readSealed(stack, requested.connection_ref);
    provider.server.enqueue('/token', { status: 500 });
    const refused = await force(requested);
    expect(refused.status).toBe(502);
    expect(refused.body.code).toBe('provider_unavailable');
    expect(await readSealed(stack, requested.connection_ref)).toBe(sealed);
    expect((await read(requested)).body.credentials.access_token).toBe(token);
    expect((await check(requested)).status).toBe('active');
  });

  it('min_validity asks for a longer life once, and is answered with the freshest token when none lives that long', async () => {
    provider.setTtl(200);
    const requested = await connectScripted(stack, provider, 'patient');
    try {
      const first = (await read(requested, '?min_validity=100')).body.credentials.access_token;
      expect(refreshCalls('patient')).toHaveLength(0);
      const second = (await read(requested, '?min_validity=600')).body.credentials.access_token;
      expect(second).not.toBe(first);
      expect((await read(requested, '?min_validity=600')).body.credentials.access_token).toBe(second);
      expect(refreshCalls('patient')).toHaveLength(1);
    } finally {
      provider.setTtl(3_600);
    }
    for (const wrong of ['3601', '-1', '1.5', 'soon', '']) {
      const refused = await read(requested, `?min_validity=${wrong}`);
      expect(refused.status).toBe(400);
      expect(refused.body.code).toBe('invalid_request');
    }
  });

  it('a token without an end is handed out without one', async () => {
    provider.setTtl(null);
    const requested = await connectScripted(stack, provider, 'endless');
    provider.setTtl(3_600);
    const token = await read(requested, '?min_validity=3600');
    expect(token.body.expires_at).toBeNull();
    expect(token.body.credentials).not.toHaveProperty('expires_at');
    expect(refreshCalls('endless')).toHaveLength(0);
  });

  it('R21: scopes that shrink at a refresh are what is answered from then on', async () => {
    const requested = await connectScripted(stack, provider, 'shrinking', { scopes: ['read', 'write'] });
    expect((await read(requested)).body.scope).toBe('read write');
    provider.server.enqueue('/token', {
      body: { access_token: 'at-shrinking-new', token_type: 'bearer', expires_in: 3_600, scope: 'read' },
    });
    await setAccessExpiry(stack, requested.connection_ref);
    expect((await read(requested)).body.scope).toBe('read');
    expect((await check(requested)).scopes).toEqual(['read']);
  });

  it('a static credential, a missing refresh token and a pending connection each refuse a refresh in their own words', async () => {
    await registerStaticProvider(stack);
    const fixed = await requestConnection(stack, { provider_name: 'acme-key' });
    const pending = await force(fixed);
    expect(pending.status).toBe(409);
    expect(pending.body).toMatchObject({ code: 'connection_not_active', status: 'pending' });
    await stack.gateway('POST', '/v1/capture-credential', {
      body: { state: fixed.state, credentials: { api_key: 'fixture-static-key' } },
    });
    const refused = await force(fixed);
    expect(refused.status).toBe(400);
    expect(refused.body.code).toBe('static_token');
    expect((await read(fixed)).status).toBe(200);
  });

  it('without a refresh token: forcing is refused, the token is served to its end, and then the connection needs attention', async () => {
    const plain = await registerScriptedOauth(stack, { name: 'plain', issuesRefreshToken: false });
    try {
      const requested = await connectScripted(stack, plain, 'mortal');
      const refused = await force(requested);
      expect(refused.status).toBe(400);
      expect(refused.body.code).toBe('no_refresh_token');
      await setAccessExpiry(stack, requested.connection_ref, 5);
      expect((await read(requested, '?min_validity=600')).status).toBe(200);
      await setAccessExpiry(stack, requested.connection_ref);
      const answers = await Promise.all(Array.from({ length: 8 }, () => read(requested)));
      for (const answer of answers) {
        expect(answer.status).toBe(409);
        expect(answer.body).toMatchObject({
          code: 'attention_required',
          status: 'attention',
          reason: { code: 'expired' },
        });
      }
      expect(await check(requested)).toMatchObject({ status: 'attention', reason: { code: 'expired' } });
      expect(plain.tokenCalls('refresh_token')).toHaveLength(0);
      const attention = (await readAudit(stack, requested.connection_ref)).filter(
        (event) => event.event_type === 'connection.attention',
      );
      expect(attention).toHaveLength(1);
    } finally {
      await plain.close();
    }
  });
});
