import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRefreshActions } from '../support/refresh-actions.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { setAccessExpiry } from '../support/sql.js';
import { type Stack, startStack } from '../support/stack.js';

describe('what an operator sees of the refresh engine', () => {
  let stack: Stack;
  let provider: ScriptedOauth;

  beforeAll(async () => {
    stack = await startStack({ engine: 'sqlite', brokerEnv: { METRICS: 'true' } });
    provider = await registerScriptedOauth(stack);
  });
  afterAll(async () => {
    await stack.close();
    await provider.close();
  });

  const { read, force } = createRefreshActions(() => ({ stack, provider }));
  const status = async () => (await stack.broker('GET', '/admin/v1/status')).body;
  const scrape = async () => {
    const response = await fetch(`${stack.brokerUrl}/metrics`, { headers: { 'X-API-Key': stack.adminKey } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    return response.text();
  };

  it('counts calls by outcome, attention by reason and what is closest to its end', async () => {
    const healthy = await connectScripted(stack, provider, 'healthy');
    expect((await force(healthy)).body.refreshed).toBe(true);
    await read(healthy);
    const failing = await connectScripted(stack, provider, 'failing');
    provider.failTokens({ status: 400, body: { error: 'invalid_grant' } });
    await setAccessExpiry(stack, failing.connection_ref);
    expect((await read(failing)).status).toBe(409);
    provider.failTokens(null);

    const seen = await status();
    expect(seen.attention).toEqual({ grant_revoked: 1 });
    expect(seen.refresh).toMatchObject({ backlog: 0, in_doubt: 0, unsaved: 0, blocked: [] });
    expect(seen.refresh.calls).toEqual(
      expect.arrayContaining([
        { provider: 'scripted', outcome: 'granted', count: 1 },
        { provider: 'scripted', outcome: 'final', count: 1 },
      ]),
    );

    const text = await scrape();
    expect(text).toContain('nexus_provider_calls_total{provider="scripted",outcome="granted"} 1');
    expect(text).toContain('nexus_connections_in_attention{reason="grant_revoked"} 1');
    expect(text).toContain('nexus_connections{status="active"} 1');
    expect(text).toContain('nexus_overview_up 1');
    // An id of a connection opens it; not even its harmless name belongs into a time series.
    for (const secret of [healthy.connection_id, healthy.connection_ref, 'at-healthy', 'rt-healthy']) {
      expect(text).not.toContain(secret);
    }
  });

  it('R9: names a provider that refuses our client, and forgets it once the profile is mended', async () => {
    const first = await connectScripted(stack, provider, 'refused');
    const second = await connectScripted(stack, provider, 'refused-too');
    const waiting = await connectScripted(stack, provider, 'waiting');
    for (const { connection_ref } of [first, second, waiting]) await setAccessExpiry(stack, connection_ref);
    provider.failTokens({ status: 401, body: { error: 'invalid_client' } });
    expect((await read(first)).status).toBe(502);
    expect((await status()).refresh.blocked).toEqual([]);
    expect((await read(second)).status).toBe(502);
    const blocked = [
      expect.objectContaining({ key: `provider:${provider.providerId}`, state: 'stopped', since: expect.any(String) }),
    ];
    expect((await status()).refresh.blocked).toEqual(blocked);
    expect(await scrape()).toContain('state="stopped"');
    provider.failTokens(null);
    const mended = await stack.broker('PATCH', `/admin/v1/providers/${provider.providerId}`, {
      body: { client_secret: 'fixture-mended-secret' },
    });
    expect(mended.status).toBe(200);
    for (const requested of [first, second, waiting]) expect((await read(requested)).status).toBe(200);
    expect((await status()).attention).toEqual({ grant_revoked: 1 });
  });

  it('G12: shows figures only to keys that may see them, and none unless it is asked to', async () => {
    expect((await fetch(`${stack.brokerUrl}/metrics`)).status).toBe(401);
    await stack.stopBroker('SIGTERM');
    await stack.startBroker({ METRICS: 'false' });
    expect((await stack.broker('GET', '/metrics')).status).toBe(404);
  });
});
