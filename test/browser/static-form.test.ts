import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchBrowser, openWindow, type Window } from '../support/browser.js';
import { type Requested, requestConnection } from '../support/fixtures.js';
import { type Stack, startStack } from '../support/stack.js';
import { inspectAppearance } from './appearance.js';
import { type LocalSite, startSite } from './local-site.js';

const goodKey = 'kh_accepted77';
const refusedKey = 'kh_unknown123';

const schema = {
  type: 'object',
  properties: {
    address: {
      type: 'string',
      title: 'Workspace address',
      description: 'Where you open Keyhouse, such as https://acme.keyhouse.example.',
      format: 'uri',
    },
    region: { type: 'string', title: 'Region', enum: ['eu', 'us'], default: 'eu' },
    api_key: {
      type: 'string',
      title: 'API key',
      description: 'Starts with kh_ and is shown once, when you create it.',
      format: 'password',
      pattern: '^kh_[a-z0-9]{8,40}$',
    },
    note: { type: 'string', title: 'Note', maxLength: 40 },
  },
  required: ['address', 'region', 'api_key'],
};

describe('entering a static credential in a real browser', () => {
  let stack: Stack;
  let application: LocalSite;
  let keyhouse: LocalSite;
  let browser: Browser;
  let ada: Window;
  let isKeyhouseUp = true;

  beforeAll(async () => {
    stack = await startStack({ engine: 'sqlite', publicHost: 'localhost' });
    browser = await launchBrowser();
    application = await startSite(() => ({ html: '<title>Weather</title><h1>Welcome back</h1>' }));
    keyhouse = await startSite(({ headers }) => {
      if (!isKeyhouseUp) return { status: 503, html: 'down' };
      return { status: headers.authorization === `Bearer ${goodKey}` ? 200 : 401, html: 'me' };
    });
    const profile = {
      name: 'keyhouse',
      display_name: 'Keyhouse',
      auth_type: 'api_key',
      api_base_url: keyhouse.origin,
      docs_url: 'https://docs.keyhouse.example/keys',
      probe: { method: 'GET', path: '/me' },
      credential_schema: schema,
    };
    const created = await stack.broker('POST', '/admin/v1/providers', { body: profile });
    expect(created.body).toMatchObject({ name: 'keyhouse' });
    const origin = { origin: application.origin, app_name: 'Weather Assistant', completion: 'confirm' };
    await stack.broker('POST', '/admin/v1/return-origins', { body: origin });
  });
  afterAll(async () => {
    await browser?.close();
    await application?.close();
    await keyhouse?.close();
    await stack?.close();
  });
  beforeEach(async () => {
    isKeyhouseUp = true;
    ada = await openWindow(browser);
  });
  afterEach(() => ada.close());

  const request = (): Promise<Requested> =>
    requestConnection(stack, { provider_name: 'keyhouse', return_url: `${application.origin}/back` });

  const addressOf = (page: Page): Locator => page.getByRole('textbox', { name: 'Workspace address', exact: true });
  const regionOf = (page: Page): Locator => page.getByRole('combobox', { name: 'Region', exact: true });
  const keyOf = (page: Page): Locator => page.getByRole('textbox', { name: 'API key', exact: true });

  /** What a screen reader says after the name of a control. */
  const describeControl = (control: Locator): Promise<string> =>
    control.evaluate((element) => {
      const ids = (element.getAttribute('aria-describedby') ?? '').split(' ');
      return ids.map((id: string) => element.ownerDocument.getElementById(id)?.textContent ?? `no ${id}`).join('|');
    });

  const isFocused = (control: Locator): Promise<boolean> =>
    control.evaluate((element) => element === element.ownerDocument.activeElement);

  async function submit(page: Page): Promise<number> {
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.request().method() === 'POST'),
      page.getByRole('button', { name: 'Connect' }).click(),
    ]);
    await page.waitForLoadState();
    return answer.status();
  }

  it('shows each field of the schema with its label, its help and the control that fits it', async () => {
    await ada.page.goto((await request()).auth_url);
    const { page } = ada;
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(
      'Weather Assistant wants to connect your Keyhouse account',
    );
    const form = page.locator('form');
    expect(await form.getByRole('textbox').count()).toBe(3);
    expect(await describeControl(addressOf(page))).toBe(schema.properties.address.description);
    expect(await describeControl(keyOf(page))).toBe(schema.properties.api_key.description);
    expect(await keyOf(page).getAttribute('type')).toBe('password');
    expect(await addressOf(page).getAttribute('type')).toBe('text');
    expect(await regionOf(page).getByRole('option').allTextContents()).toEqual(['eu', 'us']);
    expect(await regionOf(page).inputValue()).toBe('eu');
    for (const control of [addressOf(page), regionOf(page), keyOf(page)]) {
      expect(await control.getAttribute('required')).toBe('');
      expect(await control.getAttribute('aria-invalid')).toBeNull();
    }
    const note = page.getByRole('textbox', { name: 'Note', exact: true });
    expect([await note.getAttribute('required'), await note.getAttribute('maxlength')]).toEqual([null, '40']);
    expect(await page.getByRole('link', { name: /Where to find them/ }).getAttribute('rel')).toContain('noopener');
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(ada.problems()).toEqual([]);
  });

  it.each([true, false])('leads from wrong entries to the right one (JavaScript: %s)', async (javaScript) => {
    const requested = await request();
    const window = await openWindow(browser, { javaScript });
    const { page } = window;
    await page.goto(requested.auth_url);
    await addressOf(page).fill('https://acme.keyhouse.example');
    await regionOf(page).selectOption('us');
    await keyOf(page).fill('Kh-Mistyped-Secret');
    expect(await submit(page)).toBe(400);

    expect(await page.title()).toBe('Error: Connect Keyhouse to Weather Assistant · Nexus');
    const summary = page.getByRole('alert', { name: 'There is a problem' });
    expect(await isFocused(summary)).toBe(true);
    const links = summary.getByRole('link');
    const [problem = ''] = await links.allTextContents();
    expect(await links.count()).toBe(1);
    expect(problem).toMatch(/^API key .*\.$/);
    expect(await keyOf(page).getAttribute('aria-invalid')).toBe('true');
    expect(await describeControl(keyOf(page))).toBe(`${schema.properties.api_key.description}|Error: ${problem}`);
    expect(await addressOf(page).getAttribute('aria-invalid')).toBeNull();
    expect(await addressOf(page).inputValue()).toBe('https://acme.keyhouse.example');
    expect(await regionOf(page).inputValue()).toBe('us');
    expect(await keyOf(page).inputValue()).toBe('');
    expect(await page.content()).not.toContain('Mistyped');
    await links.click();
    expect(await isFocused(keyOf(page))).toBe(true);

    await keyOf(page).fill(refusedKey);
    expect(await submit(page)).toBe(400);
    expect(await isFocused(summary)).toBe(true);
    expect(await summary.textContent()).toContain('The provider did not accept these credentials');
    expect(await addressOf(page).inputValue()).toBe('https://acme.keyhouse.example');
    expect(await keyOf(page).inputValue()).toBe('');
    expect(await page.content()).not.toContain(refusedKey);

    await keyOf(page).fill(goodKey);
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.waitForURL(`${application.origin}/back**`);
    expect(new URL(page.url()).hash).toBe('');
    expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({
      status: 'success',
      connection_ref: requested.connection_ref,
      provider: 'keyhouse',
    });
    const token = await stack.gateway('GET', `/v1/token/${requested.connection_id}`);
    expect(token.body).toMatchObject({
      strategy: { type: 'header', config: { header_name: 'Authorization', value_prefix: 'Bearer ' } },
      credentials: { api_key: goodKey },
    });
    expect(window.addresses().join('\n')).not.toMatch(/kh_|nxc_/);
    expect(window.problems()).toEqual([]);
    await window.close();
  });

  it('can be filled in with the keyboard alone', async () => {
    const requested = await request();
    const { page } = ada;
    const { keyboard } = page;
    await page.goto(requested.auth_url);
    await keyboard.press('Tab');
    expect(await isFocused(page.getByRole('link', { name: /Where to find them/ }))).toBe(true);
    await keyboard.press('Tab');
    expect(await isFocused(addressOf(page))).toBe(true);
    await keyboard.type('https://acme.keyhouse.example');
    await keyboard.press('Tab');
    await keyboard.press('u');
    expect(await regionOf(page).inputValue()).toBe('us');
    await keyboard.press('Tab');
    await keyboard.type('kh_short');
    await keyboard.press('Enter');
    await page.getByRole('alert').waitFor();

    // From the summary, which has the focus, the first stop is the problem itself.
    await keyboard.press('Tab');
    await keyboard.press('Enter');
    expect(await isFocused(keyOf(page))).toBe(true);
    await keyboard.type(goodKey);
    await keyboard.press('Tab');
    await keyboard.press('Tab');
    expect(await isFocused(page.getByRole('button', { name: 'Connect' }))).toBe(true);
    await keyboard.press('Enter');
    await page.waitForURL(`${application.origin}/back?status=success**`);
  });

  it('keeps the entries when the provider does not answer, and works once it does', async () => {
    const requested = await request();
    const { page } = ada;
    await page.goto(requested.auth_url);
    await addressOf(page).fill('https://acme.keyhouse.example');
    await keyOf(page).fill(goodKey);
    isKeyhouseUp = false;
    expect(await submit(page)).toBe(502);
    expect(await page.getByRole('alert').textContent()).toContain('The provider does not answer');
    expect(await addressOf(page).inputValue()).toBe('https://acme.keyhouse.example');
    isKeyhouseUp = true;
    await keyOf(page).fill(goodKey);
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.waitForURL(`${application.origin}/back?status=success**`);
  });

  it('ends after ten refusals with a page that says so', async () => {
    const requested = await request();
    const { page } = ada;
    await page.goto(requested.auth_url);
    for (let attempt = 1; attempt < 10; attempt++) {
      const refused = await stack.gateway('POST', '/v1/capture-credential', {
        body: { state: requested.state, credentials: {} },
      });
      expect(refused.status).toBe(400);
    }
    await addressOf(page).fill('https://acme.keyhouse.example');
    await keyOf(page).fill(refusedKey);
    expect(await submit(page)).toBe(410);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Too many attempts');
    expect(await page.locator('form').count()).toBe(0);
  });

  it('H17: refuses the form when another site sends it, and stays untouched', async () => {
    const requested = await request();
    const attacker = await startSite(() => ({
      html: `<title>Win</title><form method="post" action="${requested.auth_url}">
<input type="hidden" name="address" value="https://a.example"><input type="hidden" name="region" value="eu">
<input type="hidden" name="api_key" value="${goodKey}"><button>Win a prize</button></form>`,
    }));
    await ada.page.goto(attacker.origin);
    const [answer] = await Promise.all([
      ada.page.waitForResponse((response) => response.url() === requested.auth_url),
      ada.page.getByRole('button').click(),
    ]);
    expect(answer.status()).toBe(403);
    expect(await ada.page.getByRole('heading', { level: 1 }).textContent()).toBe('This page was not opened by you');
    const check = await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`);
    expect(check.body).toMatchObject({ status: 'pending' });
    await attacker.close();
  });

  it('H17: cannot be framed by another site', async () => {
    const requested = await request();
    const attacker = await startSite(() => ({
      html: `<title>Frame</title><iframe src="${requested.auth_url}" title="bait"></iframe>`,
    }));
    await ada.page.goto(attacker.origin);
    const frame = ada.page.frames().find((candidate) => candidate !== ada.page.mainFrame());
    expect(frame?.url()).toBe('chrome-error://chromewebdata/');
    expect(ada.problems().join('\n')).toMatch(/frame-ancestors|X-Frame-Options/);
    await attacker.close();
  });

  it('looks right on a phone and a desktop, in light and dark', async () => {
    const { page } = ada;
    await page.goto((await request()).auth_url);
    expect(await inspectAppearance(page, 'form')).toEqual([]);
    await addressOf(page).fill('acme');
    await keyOf(page).fill('x');
    await submit(page);
    expect(await inspectAppearance(page, 'form-refused')).toEqual([]);
    await addressOf(page).focus();
    expect(await inspectAppearance(page, 'form-focused')).toEqual([]);
  });
});
