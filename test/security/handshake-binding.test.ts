import type { RunningOpenidProvider } from '@nexus/testkit/openid-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Requested, readAudit, registerOpenidProvider, requestConnection } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { answerAuthorization, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { expireFlow, runSql } from '../support/sql.js';
import { engines, type Stack, startStack } from '../support/stack.js';

const tabs = 32;
const callbacks = 64;

describe.each(engines)('the binding of a flow to a browser on %s', (engine) => {
  let stack: Stack;
  let provider: ScriptedOauth;
  let other: ScriptedOauth;
  let real: RunningOpenidProvider;

  beforeAll(async () => {
    stack = await startStack({ engine });
    provider = await registerScriptedOauth(stack, { name: 'scripted' });
    other = await registerScriptedOauth(stack, { name: 'other' });
    ({ provider: real } = await registerOpenidProvider(stack, { name: 'real' }));
  });
  afterAll(async () => {
    await stack.close();
    await Promise.all([provider, other, real].map((running) => running.close()));
  });

  const request = (body: Readonly<Record<string, unknown>> = {}) =>
    requestConnection(stack, { provider_name: 'scripted', ...body });
  const check = async (requested: Requested) =>
    (await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`)).body;
  const exchanges = () =>
    provider.tokenCalls('authorization_code').length + other.tokenCalls('authorization_code').length;

  /** A browser that has gone on to the provider, and the answer the provider would send it back with. */
  async function begin(requested: Requested): Promise<{ person: Person; location: string; callback: string }> {
    const person = new Person(stack.gatewayUrl);
    const hop = await person.press(requested.auth_url);
    expect(hop.status).toBe(303);
    return { person, location: hop.location, callback: answerAuthorization(hop.location, { code: 'code-ada-1' }) };
  }

  it("H1: the caller receives a link of ours, never the provider's, and the redirect URI names the provider", async () => {
    const requested = await request();
    expect(requested.auth_url).toBe(`${stack.gatewayUrl}/connect/${requested.state}`);
    expect(JSON.stringify(requested)).not.toContain(provider.server.origin);
    const { location } = await begin(requested);
    const asked = new URL(location);
    expect(asked.origin).toBe(provider.server.origin);
    expect(asked.searchParams.get('redirect_uri')).toBe(`${stack.gatewayUrl}/auth/callback/scripted`);
    expect(asked.searchParams.get('code_challenge_method')).toBe('S256');
  });

  it('H1: an answer that arrives in another browser is refused, exchanges nothing and ends the flow', async () => {
    const requested = await request();
    const { person, callback } = await begin(requested);
    const before = exchanges();
    const page = await new Person(stack.gatewayUrl).open(callback);
    expect(page.status).toBe(400);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.location).toBe('');
    expect((await person.open(callback)).status).toBe(410);
    expect(exchanges()).toBe(before);
    expect(await check(requested)).toMatchObject({ status: 'failed', reason: { code: 'binding_failed' } });
    const events = await readAudit(stack, requested.connection_ref);
    expect(events.filter((event) => event.event_type === 'connection.binding_failed')).toHaveLength(1);
  });

  it(`H3: of ${tabs} browsers that continue at once exactly one goes on`, async () => {
    const requested = await request();
    const pages = await Promise.all(
      Array.from({ length: tabs }, () => new Person(stack.gatewayUrl).press(requested.auth_url)),
    );
    expect(pages.filter((page) => page.status === 303)).toHaveLength(1);
    expect(pages.filter((page) => page.status === 410)).toHaveLength(tabs - 1);
  });

  it('H3: a forged cookie ends the flow for everybody', async () => {
    const requested = await request();
    const { person, callback } = await begin(requested);
    const [row] = await runSql(stack, 'select flow_id from flow where connection_ref = ?', [requested.connection_ref]);
    const forged = await fetch(requested.auth_url, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        'Sec-Fetch-Site': 'same-origin',
        Cookie: `nxf_${String(row?.['flow_id']).slice(-8)}=${'A'.repeat(43)}`,
      },
    });
    expect(forged.status).toBe(410);
    const before = exchanges();
    expect((await person.press(requested.auth_url)).status).toBe(410);
    expect((await person.open(callback)).status).toBe(410);
    expect(exchanges()).toBe(before);
    expect(await check(requested)).toMatchObject({ status: 'failed', reason: { code: 'binding_failed' } });
  });

  it('going back and on makes a new request, and the earlier state stops working without harm', async () => {
    const requested = await request();
    const { person, location, callback } = await begin(requested);
    const again = await person.press(requested.auth_url);
    expect(again.status).toBe(303);
    for (const name of ['state', 'code_challenge']) {
      expect(new URL(again.location).searchParams.get(name)).not.toBe(new URL(location).searchParams.get(name));
    }
    expect((await person.open(callback)).status).toBe(410);
    const returned = await person.open(answerAuthorization(again.location, { code: 'code-ada-2' }));
    expect(new URL(returned.location).searchParams.get('status')).toBe('success');
  });

  it("H4: an attacker's answer in the victim's browser is refused, and the victim's own flow goes on", async () => {
    const attacker = await begin(await request());
    const ours = await request();
    const victim = await begin(ours);
    const before = exchanges();
    expect((await victim.person.open(attacker.callback)).status).toBe(400);
    expect(exchanges()).toBe(before);
    const returned = await victim.person.open(victim.callback);
    expect(new URL(returned.location).searchParams.get('status')).toBe('success');
    expect((await check(ours)).status).toBe('active');
  });

  it("H4: a code of another flow under the victim's own state is refused by the provider (PKCE), and nothing is stored", async () => {
    const foreign = await requestConnection(stack, { provider_name: 'real' });
    const stolen = new URL(await new Person(stack.gatewayUrl).consent(foreign.auth_url, real, 'mallory'));
    const requested = await requestConnection(stack, { provider_name: 'real' });
    const victim = new Person(stack.gatewayUrl);
    const hop = await victim.press(requested.auth_url);
    const injected = answerAuthorization(hop.location, {
      code: stolen.searchParams.get('code') ?? '',
      iss: real.issuer,
    });
    const returned = await victim.open(injected);
    expect(Object.fromEntries(new URL(returned.location).searchParams)).toMatchObject({
      status: 'failed',
      error: 'exchange_failed',
    });
    expect(real.events()).toContain('grant.error');
    expect(await check(requested)).toMatchObject({
      status: 'failed',
      reason: { code: 'exchange_failed' },
      account: null,
    });
    expect((await stack.gateway('GET', `/v1/token/${requested.connection_id}`)).status).toBe(409);
  });

  it('H5: a state that is missing, empty, doubled, an array, overlong or unknown reaches no provider and burns no flow', async () => {
    const requested = await request();
    const { person, callback } = await begin(requested);
    const url = new URL(callback);
    const state = url.searchParams.get('state') ?? '';
    const path = `${url.origin}${url.pathname}?code=code-ada-1`;
    const before = exchanges();
    const broken: [string, number][] = [
      [path, 400],
      [`${path}&state=`, 400],
      [`${path}&state=${state}&state=${state}`, 400],
      [`${path}&state=${state}&state=x`, 400],
      [`${path}&state[]=${state}`, 400],
      [`${path}&state[0]=${state}`, 400],
      [`${path}&STATE=${state}`, 400],
      [`${path}&state=${'s'.repeat(10_240)}`, 400],
      [`${path}&state=${'s'.repeat(129)}`, 400],
      [`${path}&state=${state}%00`, 400],
      [`${path}&state=${state.slice(0, -1)}`, 410],
      [`${path}&state=${'s'.repeat(43)}`, 410],
    ];
    for (const [target, status] of broken) {
      const page = await person.open(target);
      expect(page.status, target.slice(path.length, path.length + 40)).toBe(status);
      expect(page.headers.get('content-type')).toMatch(/^text\/html/);
      expect(page.location).toBe('');
    }
    expect(exchanges()).toBe(before);
    const returned = await person.open(callback);
    expect(new URL(returned.location).searchParams.get('status')).toBe('success');
    expect((await person.open(callback)).status).toBe(410);
    expect(exchanges()).toBe(before + 1);
  });

  it(`H5: ${callbacks} callbacks at once with the same state and cookie cause exactly one exchange`, async () => {
    const requested = await request();
    const { person, callback } = await begin(requested);
    const before = exchanges();
    const pages = await Promise.all(Array.from({ length: callbacks }, () => person.open(callback)));
    expect(pages.filter((page) => page.status === 303)).toHaveLength(1);
    expect(pages.filter((page) => page.status === 410)).toHaveLength(callbacks - 1);
    expect(exchanges()).toBe(before + 1);
    expect((await check(requested)).status).toBe('active');
  });

  it("H6: an answer delivered to another provider's callback is refused without a request to either", async () => {
    const requested = await request();
    const { person, callback } = await begin(requested);
    const before = exchanges();
    const crossed = await person.open(callback.replace('/auth/callback/scripted', '/auth/callback/other'));
    expect(crossed.status).toBe(400);
    expect((await person.open(callback)).status).toBe(410);
    expect(exchanges()).toBe(before);
    expect(await check(requested)).toMatchObject({ status: 'failed', reason: { code: 'binding_failed' } });
  });

  it('H15: a flow that ran out is not continued, and its code is never exchanged', async () => {
    const requested = await request();
    const { person, callback } = await begin(requested);
    await expireFlow(stack, requested.connection_ref);
    const before = exchanges();
    expect((await person.open(requested.auth_url)).status).toBe(410);
    expect((await person.press(requested.auth_url)).status).toBe(410);
    expect((await person.open(callback)).status).toBe(410);
    expect(exchanges()).toBe(before);
    expect(await check(requested)).toMatchObject({ status: 'failed', reason: { code: 'expired' } });
  });

  it.each([
    ['cross-site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['same-site', { 'Sec-Fetch-Site': 'same-site' }],
    ['cross-site with our origin', { 'Sec-Fetch-Site': 'cross-site', Origin: 'self' }],
    ['typed into the address bar', { 'Sec-Fetch-Site': 'none' }],
    ['from another origin', { Origin: 'https://evil.example' }],
    ['from a sandboxed frame', { Origin: 'null' }],
    ['without any word of where it comes from', {}],
  ])('H17: a POST that is %s is refused and leaves the flow open', async (_name, given) => {
    const requested = await request();
    const headers = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, value === 'self' ? stack.gatewayUrl : value]),
    );
    const refused = await fetch(requested.auth_url, { method: 'POST', redirect: 'manual', headers });
    expect(refused.status).toBe(403);
    expect(refused.headers.getSetCookie()).toEqual([]);
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
    expect((await begin(requested)).location).toContain('state=');
  });

  it('H19: opening the link changes nothing, however often and by whomever', async () => {
    const requested = await request();
    const readFlow = () => runSql(stack, 'select * from flow where connection_ref = ?', [requested.connection_ref]);
    const readRow = () =>
      runSql(stack, 'select * from connection where connection_ref = ?', [requested.connection_ref]);
    const before = [await readFlow(), await readRow()];
    for (const method of ['GET', 'HEAD']) {
      for (const headers of [{}, { Purpose: 'prefetch' }, { 'Sec-Purpose': 'prefetch;prerender' }]) {
        const page = await fetch(requested.auth_url, { method, headers, redirect: 'manual' });
        expect(page.status).toBe(200);
        expect(page.headers.getSetCookie()).toEqual([]);
        expect(page.headers.get('content-security-policy')).toContain(`frame-ancestors 'none'`);
        expect(page.headers.get('cache-control')).toBe('no-store');
        expect(page.headers.get('referrer-policy')).toBe('same-origin');
      }
    }
    expect([await readFlow(), await readRow()]).toEqual(before);
    expect((await begin(requested)).location).toContain('state=');
  });
});
