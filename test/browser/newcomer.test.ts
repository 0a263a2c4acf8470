import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchBrowser, openWindow, type Window } from '../support/browser.js';
import { inspectAppearance } from './appearance.js';
import { type RunningStart, startAsNewcomer } from './newcomer.js';

interface Requested {
  readonly connection_id: string;
  readonly connection_ref: string;
  readonly auth_url: string;
}

describe('what npm start offers a newcomer', () => {
  let start: RunningStart;
  let browser: Browser;
  let ada: Window;
  let page: Page;

  beforeAll(async () => {
    start = await startAsNewcomer();
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await start?.close();
  });
  beforeEach(async () => {
    ada = await openWindow(browser);
    page = ada.page;
  });
  afterEach(() => ada.close());

  async function request(providerName: string): Promise<Requested> {
    const response = await fetch(`${start.gatewayUrl}/v1/request-connection`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        workspace_id: 'demo-user',
        provider_name: providerName,
        return_url: `${start.demoUrl}/demo-app/return`,
      }),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as Requested;
  }

  const press = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click();
  const heading = (): Promise<string | null> => page.getByRole('heading', { level: 1 }).textContent();

  it('leads from the printed link to a token, and back again when access is taken away', async () => {
    await page.goto(await start.read(/(http:\S+\/connect\/nxt_\w+)/));
    expect(await page.getByRole('main').textContent()).toContain('Demo provider');
    await press('Continue to Demo provider');
    expect(await heading()).toBe('Sign in');
    expect(await inspectAppearance(page, 'demo-sign-in')).toEqual([]);
    await page.getByRole('textbox', { name: 'Name' }).fill('Ada Lovelace');
    await press('Sign in');
    expect(await heading()).toBe('Allow access?');
    expect(await page.getByRole('main').textContent()).toContain('Ada Lovelace');
    expect(await inspectAppearance(page, 'demo-consent')).toEqual([]);
    await press('Allow');
    await page.waitForURL(`${start.demoUrl}/demo-app/return?status=success**`);
    expect(await heading()).toBe('Connected');
    expect(await inspectAppearance(page, 'demo-connected')).toEqual([]);

    const tokenUrl = await start.read(/Connected: the demo account is active.*\n\s+curl -s (\S+)/);
    const token = await fetch(tokenUrl);
    expect(token.status).toBe(200);
    expect(await token.json()).toMatchObject({ strategy: { type: 'oauth2' }, provider: 'demo' });

    await page.getByRole('link', { name: 'remove it at the provider' }).click();
    expect(await page.getByRole('main').textContent()).toContain('Signed in as Ada Lovelace');
    expect(await inspectAppearance(page, 'demo-home')).toEqual([]);
    await press('Remove this access');
    expect(await page.getByRole('status').textContent()).toContain('Access removed.');
    expect(await inspectAppearance(page, 'demo-removed')).toEqual([]);
    const refused = await fetch(tokenUrl.replace('/token/', '/refresh/'), { method: 'POST' });
    expect(await refused.json()).toMatchObject({ code: 'attention_required', reason: { code: 'grant_revoked' } });
    expect(ada.problems()).toEqual([]);
  });

  it('asks for a name until one is given, lets another person sign in instead, and takes no for an answer', async () => {
    await page.goto((await request('demo')).auth_url);
    await press('Continue to Demo provider');
    await page.getByRole('textbox', { name: 'Name' }).fill('');
    await press('Sign in');
    const problem = page.getByRole('alert');
    const field = page.getByRole('textbox', { name: 'Name' });
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    expect(await field.getAttribute('aria-describedby')).toContain(await problem.getAttribute('id'));
    expect(await inspectAppearance(page, 'demo-sign-in-refused')).toEqual([]);
    await field.fill('Ada');
    await press('Sign in');
    await press('Use another name');
    await page.getByRole('textbox', { name: 'Name' }).fill('Grace');
    await press('Sign in');
    expect(await page.getByRole('main').textContent()).toContain('Grace');
    await press('Deny');
    await page.waitForURL(`${start.demoUrl}/demo-app/return?status=failed**`);
    expect(await heading()).toBe('Not connected');
    expect(await page.getByRole('main').textContent()).toContain('access_denied');
    expect(await inspectAppearance(page, 'demo-not-connected')).toEqual([]);
    expect(ada.problems()).toEqual([]);
  });

  it('takes a demo key through the form, after a wrong one', async () => {
    const requested = await request('demo-key');
    await page.goto(requested.auth_url);
    await page.getByRole('textbox', { name: 'API key' }).fill('wrong-123');
    await press('Connect');
    await page.getByRole('alert').waitFor();
    await page.getByRole('textbox', { name: 'API key' }).fill('demo-123');
    await press('Connect');
    await page.waitForURL(`${start.demoUrl}/demo-app/return?status=success**`);
    expect(await heading()).toBe('Connected');
    const token = await fetch(`${start.gatewayUrl}/v1/token/${requested.connection_id}`);
    expect(await token.json()).toMatchObject({ credentials: { api_key: 'demo-123' } });
    expect(ada.problems()).toEqual([]);
  });

  it('has its pages without JavaScript too', async () => {
    const plain = await openWindow(browser, { javaScript: false });
    page = plain.page;
    await page.goto((await request('demo')).auth_url);
    await press('Continue to Demo provider');
    await press('Sign in');
    await press('Allow');
    await page.waitForURL(`${start.demoUrl}/demo-app/return?status=success**`);
    expect(plain.problems()).toEqual([]);
    await plain.close();
  });

  it.each(['gateway', 'broker'] as const)('documents the %s on a page that runs no script', async (service) => {
    const url = `${service === 'gateway' ? start.gatewayUrl : start.brokerUrl}/docs`;
    await page.goto(url);
    expect(await page.getByRole('article').count()).toBeGreaterThan(10);
    const [first] = await page.getByRole('navigation').getByRole('link').all();
    await first?.click();
    const anchor = new URL(page.url()).hash;
    expect(await page.locator(anchor).count()).toBe(1);
    expect(await inspectAppearance(page, `docs-${service}`)).toEqual([]);
    expect(ada.problems()).toEqual([]);
  });
});
