import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { brokerError } from '../../testing/fake-broker.js';
import { connectionRef, oauthViewFixture, staticViewFixture } from '../../testing/fixtures.js';
import type { World } from '../../testing/world.js';
import { openWorld, publicUrl } from '../../testing/world.js';

const view = 'POST /internal/v1/flows/view';
const proceed = 'POST /internal/v1/flows/continue';
const capture = 'POST /internal/v1/flows/capture';

const own = { 'Sec-Fetch-Site': 'same-origin' };
const continued = {
  redirect_to: 'https://login.acme.example/authorize?client_id=nexus&state=s',
  cookie: { suffix: 'ABCDEFGH', value: 'v'.repeat(43), max_age_seconds: 600 },
};

function prepareOauth(world: World): void {
  world.broker.on(view, { body: oauthViewFixture() });
  world.broker.on(proceed, { body: continued });
}

function prepareStatic(world: World, answer: Parameters<World['broker']['on']>[1]): void {
  world.broker.on(view, { body: staticViewFixture() });
  world.broker.on(capture, answer);
}

const filled = { account: 'jane', region: 'us', api_key: 'fixture-static-key' };

describe('continueFlow to a provider', () => {
  it('goes to the provider and ties the flow to the browser by a __Host- cookie', async () => {
    await using world = await openWorld();
    prepareOauth(world);
    const ticket = createToken('nxt');
    const response = await world.send('POST', `/connect/${ticket}`, { form: {}, headers: own });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe(continued.redirect_to);
    expect(response.headers.getSetCookie()).toEqual([
      `__Host-nxf_ABCDEFGH=${'v'.repeat(43)}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure`,
    ]);
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(world.broker.callTo(proceed).body).toEqual({ ticket, cookies: {} });
  });

  it('uses a cookie without prefix and Secure over plain http, which only development allows', async () => {
    await using world = await openWorld({ PUBLIC_URL: 'http://127.0.0.1:8090' });
    prepareOauth(world);
    const response = await world.send('POST', '/connect/t', { headers: { Origin: 'http://127.0.0.1:8090' } });
    expect(response.headers.getSetCookie()).toEqual([
      `nxf_ABCDEFGH=${'v'.repeat(43)}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax`,
    ]);
  });

  it('passes on the flow cookies of the browser and nothing else', async () => {
    await using world = await openWorld();
    prepareOauth(world);
    const cookie = [
      '__Host-nxf_ONE=first',
      '__Host-nxf_ONE=second',
      'nxf_TWO=unprefixed',
      '__Host-nxf_=empty',
      '__Host-nxf_bad-suffix=x',
      '__Host-nxf_LONG='.padEnd(300, 'x'),
      '__Host-nxf_constructor=ok',
      'session=secret',
    ].join('; ');
    await world.send('POST', '/connect/t', { headers: { ...own, Cookie: cookie } });
    expect(world.broker.callTo(proceed).body).toEqual({ ticket: 't', cookies: { ONE: 'first', constructor: 'ok' } });
  });

  it.each([
    ['no headers', {}],
    ['a foreign origin', { Origin: 'https://evil.example' }],
    ['a null origin', { Origin: 'null' }],
    ['our origin with another port', { Origin: `${publicUrl}:8443` }],
    ['our origin as a prefix', { Origin: `${publicUrl}.evil.example` }],
    ['cross-site', { 'Sec-Fetch-Site': 'cross-site', Origin: publicUrl }],
    ['same-site', { 'Sec-Fetch-Site': 'same-site', Origin: publicUrl }],
    ['none, as by a typed address', { 'Sec-Fetch-Site': 'none', Origin: publicUrl }],
    ['a doubled header', { 'Sec-Fetch-Site': 'same-origin, cross-site', Origin: publicUrl }],
  ])('H17: refuses a form that is not our own page (%s) before the Broker hears of it', async (_name, headers) => {
    await using world = await openWorld();
    prepareOauth(world);
    const response = await world.send('POST', '/connect/t', { form: {}, headers });
    expect(response.status).toBe(403);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(world.broker.calls).toEqual([]);
  });

  it('H17: accepts our own origin where the browser sends no Fetch Metadata', async () => {
    await using world = await openWorld();
    prepareOauth(world);
    expect((await world.send('POST', '/connect/t', { form: {}, headers: { Origin: publicUrl } })).status).toBe(303);
  });

  it.each([
    ['flow_expired', 410],
    ['flow_already_used', 410],
    ['provider_unavailable', 502],
    ['broker_unavailable', 503],
    ['rate_limited', 429],
  ] as const)('H3: answers %s with a page, status %i, and sets no cookie', async (code, status) => {
    await using world = await openWorld();
    prepareOauth(world);
    world.broker.on(proceed, brokerError(code));
    const response = await world.send('POST', '/connect/t', { form: {}, headers: own });
    expect(response.status).toBe(status);
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(response.headers.has('retry-after')).toBe(status === 429 || status >= 502);
    const page = await response.text();
    expect(page.includes('Try again</button>')).toBe(code === 'provider_unavailable');
  });

  it('reads no form of another kind', async () => {
    await using world = await openWorld();
    prepareOauth(world);
    const response = await world.send('POST', '/connect/t', { json: {}, headers: own });
    expect(response.status).toBe(415);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  });

  it('refuses a form over 64 KiB with a page', async () => {
    await using world = await openWorld();
    prepareOauth(world);
    const response = await world.send('POST', '/connect/t', { form: { a: 'x'.repeat(70_000) }, headers: own });
    expect(response.status).toBe(413);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  });
});

describe('continueFlow with a static form', () => {
  it('captures the fields of the schema and goes back to the application', async () => {
    await using world = await openWorld();
    const redirect_url = `https://app.example/?status=success&connection_ref=${connectionRef}`;
    prepareStatic(world, { body: { connection_ref: connectionRef, status: 'success', redirect_url } });
    const form = { ...filled, unknown: 'dropped', toString: 'x' };
    const response = await world.send('POST', '/connect/t', { form, headers: own });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe(redirect_url);
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(world.broker.callTo(capture).body).toEqual({ state: 't', credentials: filled });
  });

  it('leaves empty fields out', async () => {
    await using world = await openWorld();
    prepareStatic(world, brokerError('invalid_request'));
    await world.send('POST', '/connect/t', { form: { ...filled, region: '' }, headers: own });
    expect(world.broker.callTo(capture).body).toMatchObject({ credentials: { account: 'jane' } });
    expect(JSON.stringify(world.broker.callTo(capture).body)).not.toContain('region');
  });

  it('brings the form back with the error beside its field, keeping all but passwords', async () => {
    await using world = await openWorld();
    const details = [
      { path: 'credentials.account', message: 'has characters that are not allowed' },
      { path: 'credentials.api_key', message: 'API key is required.' },
      { path: 'credentials.other', message: 'This provider has no such field.' },
    ];
    prepareStatic(world, brokerError('invalid_request', { details }));
    const response = await world.send('POST', '/connect/t', { form: filled, headers: own });
    expect(response.status).toBe(400);
    const page = await response.text();
    expect(page).toMatch(/<title>Error: /);
    expect(page).toMatch(/<div class="summary" role="alert" tabindex="-1" autofocus/);
    expect(page).toContain('<a href="#credential-1">Account name has characters that are not allowed</a>');
    expect(page).toContain('<a href="#credential-3">API key is required.</a>');
    expect(page).toContain('<li>other: This provider has no such field.</li>');
    const [account = '', apiKey = ''] = page.match(/<input [^>]*>/g) ?? [];
    expect(account).toContain('aria-invalid="true"');
    expect(account).toContain('aria-describedby="credential-1-help credential-1-error"');
    expect(account).toContain('value="jane"');
    expect(apiKey).toContain('value=""');
    expect(page).toContain('<option value="us" selected>');
    expect(page).not.toContain(filled.api_key);
    expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  });

  it.each([
    ['credentials_rejected', 400, 'did not accept'],
    ['provider_unavailable', 502, 'does not answer'],
  ] as const)('brings the form back after %s with status %i', async (code, status, text) => {
    await using world = await openWorld();
    prepareStatic(world, brokerError(code));
    const response = await world.send('POST', '/connect/t', { form: filled, headers: own });
    expect(response.status).toBe(status);
    const page = await response.text();
    expect(page).toContain(text);
    expect(page).toContain('role="alert"');
    expect(page).not.toContain(filled.api_key);
  });

  it.each(['flow_already_used', 'capture_refused', 'flow_expired'] as const)(
    'H16: ends on a page after %s',
    async (code) => {
      await using world = await openWorld();
      prepareStatic(world, brokerError(code));
      const response = await world.send('POST', '/connect/t', { form: filled, headers: own });
      expect(response.status).toBe(410);
      expect(await response.text()).not.toContain('<form');
    },
  );

  it('never logs what was entered', async () => {
    await using world = await openWorld();
    prepareStatic(world, brokerError('broker_unavailable'));
    const ticket = createToken('nxt');
    await world.send('POST', `/connect/${ticket}`, { form: filled, headers: own });
    const text = world.gateway.log.lines.join('\n');
    expect(text).toContain('/connect/:ticket');
    for (const secret of [filled.api_key, ticket]) expect(text).not.toContain(secret);
  });
});
