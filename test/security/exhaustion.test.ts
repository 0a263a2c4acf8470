import type { RunningOpenidProvider } from '@nexus/testkit/openid-provider';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerOpenidProvider, returnUrl } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';

const cap = 40;

describe('callers without a key', () => {
  let stack: Stack;
  let provider: RunningOpenidProvider;
  let upstream: ScriptedProvider;

  beforeAll(async () => {
    stack = await startStack({ engine: 'sqlite', brokerEnv: { PENDING_CAP_PER_SOURCE: String(cap) } });
    ({ provider } = await registerOpenidProvider(stack));
    upstream = await startScriptedProvider();
    await stack.broker('POST', '/admin/v1/providers', {
      body: { name: 'slow', auth_type: 'api_key', api_base_url: upstream.origin, probe: { path: '/probe' } },
    });
  });
  afterAll(async () => {
    await stack.close();
    await provider.close();
    await upstream.close();
  });

  it('G9: neither fill the tables nor the log by ending flows as fast as they begin them', async () => {
    let refused = 0;
    for (let round = 0; round < cap + 5; round++) {
      const answer = await stack.gateway('POST', '/v1/request-connection', {
        body: { workspace_id: 'flood', provider_name: 'acme', return_url: returnUrl },
      });
      if (answer.status === 429) {
        refused += 1;
        continue;
      }
      const hop = await new Person(stack.gatewayUrl).press(answer.body.auth_url);
      const state = new URL(hop.location).searchParams.get('state') ?? '';
      // Without the flow's cookie the answer burns the flow, which must not make room for another.
      await fetch(`${stack.gatewayUrl}/auth/callback/acme?state=${state}&code=x`, { redirect: 'manual' });
    }
    expect(refused).toBeGreaterThanOrEqual(5);
    const page = await stack.broker('GET', '/audit?event_type=connection.opened&limit=500');
    expect(page.body.events.length).toBeLessThanOrEqual(30);
    const keyed = await stack.gateway('POST', '/v1/request-connection', {
      key: stack.adminKey,
      body: { workspace_id: 'w', provider_name: 'acme', return_url: returnUrl },
    });
    expect(keyed.status).toBe(200);
  });

  it('H16: try one entry of a ticket at a time, while tokens of others are read undisturbed', async () => {
    const key = stack.adminKey;
    const own = await stack.gateway('POST', '/v1/request-connection', {
      key,
      body: { workspace_id: 'w', provider_name: 'acme', return_url: returnUrl },
    });
    await new Person(stack.gatewayUrl).connect(own.body.auth_url, provider, 'ada');
    upstream.answer('/probe', { endless: 'silent' });
    const slow = await stack.gateway('POST', '/v1/request-connection', {
      key,
      body: { workspace_id: 'w', provider_name: 'slow', return_url: returnUrl },
    });
    let isTrying = true;
    const entries = Promise.all(
      Array.from({ length: 100 }, () =>
        stack.gateway('POST', '/v1/capture-credential', {
          body: { state: slow.body.state, credentials: { api_key: 'fixture-key' } },
        }),
      ),
    ).finally(() => {
      isTrying = false;
    });
    await expect.poll(() => upstream.requests('/probe').length).toBe(1);
    const token = await stack.gateway('GET', `/v1/token/${own.body.connection_id}`);
    expect(token.status).toBe(200);
    expect(isTrying).toBe(true);
    const statuses = (await entries).map((answer) => answer.status);
    expect(statuses.filter((status) => status === 502)).toHaveLength(1);
    expect(statuses.filter((status) => status === 429)).toHaveLength(99);
    expect(upstream.requests('/probe')).toHaveLength(1);
  });
});
