import type { RunningOpenidProvider } from '@nexus/testkit/openid-provider';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchBrowser, openWindow, type Window } from '../support/browser.js';
import { type Requested, registerOpenidProvider, requestConnection, scopes } from '../support/fixtures.js';
import { type Stack, startStack } from '../support/stack.js';
import { inspectAppearance } from './appearance.js';
import { type LocalSite, startSite } from './local-site.js';

/** The Gateway is on localhost, the provider and the application are on 127.0.0.1: different sites for the browser. */
describe('connecting an account in a real browser', () => {
  let stack: Stack;
  let provider: RunningOpenidProvider;
  let application: LocalSite;
  let browser: Browser;
  let ada: Window;

  beforeAll(async () => {
    stack = await startStack({ engine: 'sqlite', publicHost: 'localhost' });
    browser = await launchBrowser();
    application = await startSite(() => ({ html: '<title>Weather</title><h1>Welcome back</h1>' }));
    ({ provider } = await registerOpenidProvider(stack, { profile: { display_name: 'Acme Cloud' } }));
    const origin = { origin: application.origin, app_name: 'Weather Assistant', completion: 'confirm' };
    const registered = await stack.broker('POST', '/admin/v1/return-origins', { body: origin });
    expect(registered.status).toBe(201);
  });
  afterAll(async () => {
    await browser?.close();
    await application?.close();
    await stack?.close();
    await provider?.close();
  });
  beforeEach(async () => {
    ada = await openWindow(browser);
  });
  afterEach(() => ada.close());

  const request = (): Promise<Requested> =>
    requestConnection(stack, { return_url: `${application.origin}/back?tab=2`, account_label: 'ada at work' });

  async function continueToProvider(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Continue to Acme Cloud' }).click();
    await page.waitForURL(`${provider.issuer}/interaction/**`);
  }

  async function logIn(page: Page, login = 'ada'): Promise<void> {
    await page.getByLabel('login').fill(login);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: 'Allow access' }).waitFor();
  }

  async function consent(page: Page): Promise<Record<string, string>> {
    await page.getByRole('button', { name: 'Continue' }).click();
    return arrive(page);
  }

  async function arrive(page: Page): Promise<Record<string, string>> {
    await page.waitForURL(`${application.origin}/back**`);
    return Object.fromEntries(new URL(page.url()).searchParams);
  }

  const success = (requested: Requested): Record<string, string> => ({
    tab: '2',
    status: 'success',
    connection_ref: requested.connection_ref,
    provider: 'acme',
  });

  const authorizationRequests = (window: Window): URLSearchParams[] =>
    window
      .addresses()
      .filter((address) => address.startsWith(`${provider.issuer}/auth?`))
      .map((address) => new URL(address).searchParams);

  it('leads from the link over consent back to the application, whose token then works', async () => {
    const requested = await request();
    await ada.page.goto(requested.auth_url);
    expect(await ada.page.title()).toBe('Connect Acme Cloud to Weather Assistant · Nexus');
    const page = ada.page.getByRole('main');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(
      'Weather Assistant wants to connect your Acme Cloud account',
    );
    expect(await page.getByRole('list', { name: 'It asks for' }).getByRole('listitem').allTextContents()).toEqual(
      scopes,
    );
    expect(await page.textContent()).toContain('ada at work');
    expect(await page.textContent()).toContain(new URL(application.origin).host);
    expect(await page.textContent()).toContain('Continue only if you started this yourself');
    expect(await ada.context.cookies(stack.gatewayUrl)).toEqual([]);

    await continueToProvider(ada.page);
    await logIn(ada.page);
    expect(await consent(ada.page)).toEqual(success(requested));
    expect(await ada.page.getByRole('heading').textContent()).toBe('Welcome back');

    const token = await stack.gateway('GET', `/v1/token/${requested.connection_id}`);
    expect(token.status).toBe(200);
    expect(await provider.isTokenActive(token.body.credentials.access_token)).toBe(true);
    expect(ada.problems()).toEqual([]);
  });

  it('H4: ties the flow to the browser by a cookie that no script can read and no other site can have sent', async () => {
    const requested = await request();
    await ada.page.goto(requested.auth_url);
    await continueToProvider(ada.page);
    const cookies = (await ada.context.cookies()).filter(({ name }) => name.startsWith('nxf_'));
    expect(cookies).toHaveLength(1);
    expect(cookies[0]).toMatchObject({ domain: 'localhost', path: '/', httpOnly: true, sameSite: 'Lax' });
    expect(cookies[0]?.value).toMatch(/^[\w-]{43}$/);
    expect(cookies[0]?.expires).toBeGreaterThan(Date.now() / 1_000);
    expect(cookies[0]?.expires).toBeLessThan(Date.now() / 1_000 + 605);
  });

  it('H13: tells neither provider nor application more than they must know: no connection id, ticket, cookie or referrer', async () => {
    const requested = await request();
    await ada.page.goto(requested.auth_url);
    expect(await ada.page.content()).not.toContain(requested.connection_id);
    await continueToProvider(ada.page);
    await logIn(ada.page);
    await consent(ada.page);
    expect(ada.addresses().length).toBeGreaterThan(6);
    for (const address of ada.addresses()) expect(decodeURIComponent(address)).not.toContain(requested.connection_id);
    const [code] = ada.addresses().flatMap((address) => new URL(address).searchParams.get('code') ?? []);
    const cookie = (await ada.context.cookies()).find(({ name }) => name.startsWith('nxf_'))?.value;
    const secrets = [requested.connection_id, requested.state, cookie, code];
    const toApplication = (await ada.requestsTo(application.origin)).join('\n');
    const toProvider = (await ada.requestsTo(provider.issuer)).join('\n');
    expect(toApplication).toContain('/back?tab=2&status=success');
    expect(toProvider).toContain('/auth?');
    for (const secret of secrets) {
      expect(secret).toBeTruthy();
      expect(toApplication).not.toContain(secret);
      expect(toProvider).not.toContain(secret);
    }
    expect(application.requests().at(-1)?.headers.referer ?? '').not.toContain('localhost');
    expect(toProvider).not.toMatch(/"referer": "[^"]*localhost/);
  });

  it('returns to the application with the reason when the person declines', async () => {
    const requested = await request();
    await ada.page.goto(requested.auth_url);
    await continueToProvider(ada.page);
    await ada.page.getByRole('button', { name: 'Cancel' }).click();
    expect(await arrive(ada.page)).toMatchObject({ status: 'failed', error: 'access_denied' });
    const check = await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`);
    expect(check.body).toMatchObject({ status: 'failed', reason: { code: 'access_denied' } });
    expect(ada.problems()).toEqual([]);
  });

  it('goes on after the back button, with a new request in place of the old one', async () => {
    const requested = await request();
    await ada.page.goto(requested.auth_url);
    await continueToProvider(ada.page);
    await ada.page.goBack();
    expect(ada.page.url()).toBe(requested.auth_url);
    await continueToProvider(ada.page);
    const [first, second] = authorizationRequests(ada);
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(first?.get(name)).toBeTruthy();
      expect(second?.get(name)).toBeTruthy();
      expect(second?.get(name)).not.toBe(first?.get(name));
    }
    const stale = await ada.context.newPage();
    const answer = await stale.goto(`${stack.gatewayUrl}/auth/callback/acme?code=x&state=${first?.get('state')}`);
    expect(answer?.status()).toBe(410);
    await logIn(ada.page);
    expect(await consent(ada.page)).toEqual(success(requested));
  });

  it('H3: shows another browser with the same link a page, and the first one still finishes', async () => {
    const requested = await request();
    await ada.page.goto(requested.auth_url);
    await continueToProvider(ada.page);

    const mallory = await openWindow(browser);
    await mallory.page.goto(requested.auth_url);
    const [answer] = await Promise.all([
      mallory.page.waitForResponse((response) => response.request().method() === 'POST'),
      mallory.page.getByRole('button', { name: 'Continue to Acme Cloud' }).click(),
    ]);
    expect(answer.status()).toBe(410);
    expect(await mallory.page.getByRole('heading', { level: 1 }).textContent()).toBe('This link has expired');
    expect(await mallory.page.getByRole('main').textContent()).toContain('opened in another browser');
    expect(await mallory.context.cookies(stack.gatewayUrl)).toEqual([]);
    expect(mallory.problems()).toEqual([]);
    await mallory.close();

    await logIn(ada.page);
    expect(await consent(ada.page)).toEqual(success(requested));
  });

  it('H1: gives the answer of a provider in another browser a page and nothing else', async () => {
    const requested = await request();
    const mallory = await openWindow(browser);
    await mallory.page.goto(requested.auth_url);
    await continueToProvider(mallory.page);
    const consentUrl = `${provider.issuer}/auth?${authorizationRequests(mallory)[0]}`;
    await mallory.close();

    await ada.page.goto(consentUrl);
    await logIn(ada.page);
    const exchanged = provider.tokenRequests().token['authorization_code'] ?? 0;
    await ada.page.getByRole('button', { name: 'Continue' }).click();
    await ada.page.waitForURL(`${stack.gatewayUrl}/auth/callback/acme**`);
    expect(await ada.page.getByRole('heading', { level: 1 }).textContent()).toBe('This answer cannot be used');
    expect(provider.tokenRequests().token['authorization_code'] ?? 0).toBe(exchanged);
    const check = await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`);
    expect(check.body).toMatchObject({ status: 'failed', reason: { code: 'binding_failed' } });
  });

  it('explains a used link, an unknown one and an address that is none of ours', async () => {
    const requested = await request();
    await ada.page.goto(requested.auth_url);
    await continueToProvider(ada.page);
    await logIn(ada.page);
    await consent(ada.page);
    const heading = ada.page.getByRole('heading', { level: 1 });

    expect((await ada.page.goto(requested.auth_url))?.status()).toBe(410);
    expect(await heading.textContent()).toBe('This link was already used');
    expect((await ada.page.goto(`${stack.gatewayUrl}/connect/nxt_unknown`))?.status()).toBe(410);
    expect(await heading.textContent()).toBe('This link has expired');
    expect((await ada.page.goto(`${stack.gatewayUrl}/auth/elsewhere`))?.status()).toBe(404);
    expect(await heading.textContent()).toBe('This page does not exist');
    expect(ada.problems()).toEqual([]);
  });

  it('needs no JavaScript', async () => {
    const requested = await request();
    const plain = await openWindow(browser, { javaScript: false });
    await plain.page.goto(requested.auth_url);
    await continueToProvider(plain.page);
    await logIn(plain.page, 'grace');
    expect(await consent(plain.page)).toEqual(success(requested));
    expect(plain.problems()).toEqual([]);
    await plain.close();
  });

  it('can be done with the keyboard alone', async () => {
    const requested = await request();
    await ada.page.goto(requested.auth_url);
    await ada.page.keyboard.press('Tab');
    expect(await ada.page.evaluate('document.activeElement.textContent')).toBe('Continue to Acme Cloud');
    await ada.page.keyboard.press('Enter');
    await ada.page.waitForURL(`${provider.issuer}/interaction/**`);
  });

  it('says so when the Broker is away, and goes on from the page before once it is back', async () => {
    const requested = await request();
    await ada.page.goto(requested.auth_url);
    await stack.killBroker();
    await ada.page.getByRole('button', { name: 'Continue to Acme Cloud' }).click();
    await ada.page.getByRole('heading', { name: 'The service is not available' }).waitFor();
    expect(await inspectAppearance(ada.page, 'unavailable')).toEqual([]);
    await stack.startBroker();
    await ada.page.goto(requested.auth_url);
    await continueToProvider(ada.page);
    await logIn(ada.page);
    expect(await consent(ada.page)).toEqual(success(requested));
  });

  it('offers another try while the provider is away, and goes on once it is back', async () => {
    const flaky = await registerOpenidProvider(stack, { name: 'flaky', profile: { display_name: 'Flaky' } });
    flaky.provider.setInterceptor((_request, response) => {
      response.writeHead(503).end();
      return true;
    });
    const requested = await requestConnection(stack, {
      provider_name: 'flaky',
      return_url: `${application.origin}/back`,
    });
    await ada.page.goto(requested.auth_url);
    await ada.page.getByRole('button', { name: 'Continue to Flaky' }).click();
    await ada.page.getByRole('heading', { name: 'The provider does not answer' }).waitFor();
    expect(await inspectAppearance(ada.page, 'provider-away')).toEqual([]);
    flaky.provider.setInterceptor(null);
    await ada.page.getByRole('button', { name: 'Try again' }).click();
    await ada.page.waitForURL(`${flaky.provider.issuer}/interaction/**`);
    await flaky.provider.close();
  });

  it('looks right on a phone and a desktop, in light and dark', async () => {
    const requested = await request();
    await ada.page.goto(requested.auth_url);
    expect(await inspectAppearance(ada.page, 'confirm')).toEqual([]);
    await ada.page.goto(`${stack.gatewayUrl}/connect/nxt_unknown`);
    expect(await inspectAppearance(ada.page, 'expired-link')).toEqual([]);
    const origin = `https://${'a-host-name-that-goes-on-'.repeat(2)}and-on.example`;
    await stack.broker('POST', '/admin/v1/return-origins', {
      body: { origin, app_name: 'The Meteorological Forecasting Assistant of Northern Places', completion: 'confirm' },
    });
    const crowded = await requestConnection(stack, {
      return_url: `${origin}/back`,
      account_label: `the-shared-account-of-everybody-${'x'.repeat(60)}`,
      scopes: Array.from(
        { length: 14 },
        (_, index) => `https://api.acme.example/auth/some.long.scope.name.${index}.readonly`,
      ),
    });
    await ada.page.goto(crowded.auth_url);
    expect(await inspectAppearance(ada.page, 'confirm-crowded')).toEqual([]);
  });
});
