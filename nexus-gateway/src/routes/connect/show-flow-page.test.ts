import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { escapeText } from '../../pages/markup.js';
import { brokerError } from '../../testing/fake-broker.js';
import { oauthViewFixture, staticViewFixture } from '../../testing/fixtures.js';
import { markupPayloads } from '../../testing/markup-payloads.js';
import { openWorld } from '../../testing/world.js';

const route = 'POST /internal/v1/flows/view';

describe('showFlowPage', () => {
  it('names who asks, for what, and warns; one button, no script', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: oauthViewFixture() });
    const ticket = createToken('nxt');
    const response = await world.send('GET', `/connect/${ticket}`);
    expect(response.status).toBe(200);
    const page = await response.text();
    for (const text of ['Ledger', 'Acme', 'Invoices', 'openid', 'email', 'app.example', 'started this yourself']) {
      expect(page).toContain(text);
    }
    expect(page).toContain('<html lang="en">');
    expect(page).toMatch(/<title>[^<]+<\/title>/);
    expect(page.match(/<main/g)).toHaveLength(1);
    expect(page.match(/<button/g)).toHaveLength(1);
    expect(page).not.toMatch(/<script|javascript:|style="|\son[a-z]+=/i);
    expect(page).not.toContain(ticket);
    expect(world.broker.callTo(route).body).toEqual({ ticket });
  });

  it('H17: carries the headers of the contract, framing and cross-origin sharing forbidden', async () => {
    await using world = await openWorld({ CORS_ALLOWED_ORIGINS: 'https://app.example' });
    world.broker.on(route, { body: oauthViewFixture() });
    const { headers } = await world.send('GET', '/connect/t', { headers: { Origin: 'https://app.example' } });
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(headers.get('referrer-policy')).toBe('same-origin');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('x-request-id')).toMatch(/^[0-9A-Z]{26}$/);
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('set-cookie')).toBeNull();
  });

  it('H19: GET, HEAD and prefetch only look at the flow', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: oauthViewFixture() });
    await world.send('GET', '/connect/t', { headers: { Purpose: 'prefetch', 'Sec-Purpose': 'prefetch;prerender' } });
    const head = await world.send('HEAD', '/connect/t');
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(new Set(world.broker.calls.map((call) => call.route))).toEqual(new Set([route]));
  });

  it('renders the credential schema as a form that works without scripts and is usable by ear', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: staticViewFixture() });
    const page = await (await world.send('GET', '/connect/t')).text();
    expect(page).toMatch(/<form method="post"/);
    expect(page).toMatch(/<label for="credential-1">Account name/);
    expect(page).toMatch(/<p class="help" id="credential-1-help">As it stands in your profile\.<\/p>/);
    const [account = '', apiKey = ''] = page.match(/<input [^>]*>/g) ?? [];
    expect(account).toContain('id="credential-1" name="account"');
    expect(account).toContain('type="text"');
    expect(account).toContain('aria-describedby="credential-1-help"');
    expect(account).toContain(' required');
    expect(apiKey).toContain('type="password"');
    expect(apiKey).toContain('autocomplete="off"');
    expect(apiKey).toContain('maxlength="80"');
    const [select = ''] = page.match(/<select [^>]*>/) ?? [];
    expect(select).not.toContain('required');
    expect(page).toContain('<option value="eu" selected>');
    expect(page).toContain('href="https://docs.acme.example/keys"');
    expect(page).not.toContain('role="alert"');
  });

  it('does not link to an address that could run as script', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { ...staticViewFixture(), docs_url: 'javascript:alert(1)' } });
    expect(await (await world.send('GET', '/connect/t')).text()).not.toContain('javascript:');
  });

  it.each([
    ['flow_expired', 410],
    ['flow_already_used', 410],
    ['capture_refused', 410],
    ['rate_limited', 429],
    ['broker_unavailable', 503],
    ['audit_unavailable', 503],
    ['internal_error', 500],
    ['provider_not_found', 404],
  ] as const)('answers %s with a page for people, status %i', async (code, status) => {
    await using world = await openWorld();
    world.broker.on(route, brokerError(code));
    const response = await world.send('GET', '/connect/t', { headers: { 'X-Request-Id': 'rid-7' } });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const page = await response.text();
    expect(page).toContain('What to do');
    expect(page).toContain('rid-7');
    expect(page).not.toContain('fake broker');
    expect(page).not.toContain('<form');
  });

  it('never leaves a person on JSON, whatever the address or method', async () => {
    await using world = await openWorld();
    for (const [method, path] of [
      ['GET', '/connect/a/b'],
      ['PUT', '/connect/t'],
      ['GET', '/auth/nothing'],
      ['POST', '/auth/callback/acme'],
    ] as const) {
      const response = await world.send(method, path);
      expect([404, 405]).toContain(response.status);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    }
  });

  it.each([
    ['consent', oauthViewFixture()],
    ['form', staticViewFixture()],
  ])('names the tenant whose %s it is', async (_page, view) => {
    await using world = await openWorld();
    world.broker.on(route, () => ({ body: { ...view, provider_host: 'acme.tenants.example' } }));
    const page = await (await world.send('GET', '/connect/t')).text();
    expect(page).toContain('<dd><bdi>Acme</bdi> at <bdi>acme.tenants.example</bdi></dd>');
  });

  it('H11: 60 payloads in every text of the page come out as text', async () => {
    await using world = await openWorld();
    let current = 'X';
    world.broker.on(route, () => ({
      body: {
        ...staticViewFixture(),
        app_name: current,
        provider_display_name: current,
        provider_host: current,
        account_label: current,
        scopes: [current],
        schema: {
          type: 'object',
          properties: {
            a: { type: 'string', title: current, description: current, default: current },
            b: { type: 'string', title: 'b', enum: [current] },
          },
          required: [],
        },
      },
    }));
    const plain = await (await world.send('GET', '/connect/t')).text();
    expect(markupPayloads).toHaveLength(60);
    for (const payload of markupPayloads) {
      current = payload;
      const page = await (await world.send('GET', '/connect/t')).text();
      expect(page.replaceAll(escapeText(payload), 'X')).toBe(plain);
      expect(escapeText(payload)).not.toMatch(/[<>"'`]/);
    }
  });
});
