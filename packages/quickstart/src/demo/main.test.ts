import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reservePorts } from '../ports.js';
import { type DemoSettings, type RunningDemo, startDemo } from './main.js';
import { Browser, Client, readAction } from './testing.js';

const redirectUri = 'http://127.0.0.1:9/auth/callback/demo';
const directory = mkdtempSync(join(tmpdir(), 'nexus-demo-'));
let settings: DemoSettings;
let demo: RunningDemo;
let client: Client;

function start(environment: string | undefined = 'development'): Promise<RunningDemo> {
  return startDemo({ now: Date.now, log: () => undefined }, { settings, environment });
}

function openBrowser(): Browser {
  return new Browser(demo.issuer);
}

beforeAll(async () => {
  const reserved = await reservePorts([{ name: 'demo', port: 0 }], new Map());
  await reserved.release();
  settings = {
    port: reserved.ports.get('demo') ?? 0,
    directory: join(directory, 'demo-provider'),
    clientSecretFile: join(directory, 'demo-provider', 'client-secret'),
    redirectUri,
    gatewayUrl: 'http://127.0.0.1:9',
    accessTokenSeconds: 600,
  };
  demo = await start();
  const secret = readFileSync(settings.clientSecretFile, 'utf8').trim();
  client = new Client({ issuer: demo.issuer, secret, redirectUri });
});

afterAll(async () => {
  await demo.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('the protocol of the demo provider', () => {
  it('starts in development only', async () => {
    await expect(start('production')).rejects.toThrow('NEXUS_ENV=development only');
    await expect(start('')).rejects.toThrow('NEXUS_ENV=development only');
  });

  it('is discovered under its own origin', async () => {
    expect((await client.read('/.well-known/openid-configuration')).body).toMatchObject({
      issuer: demo.issuer,
      token_endpoint: `${demo.issuer}/token`,
      userinfo_endpoint: `${demo.issuer}/me`,
      revocation_endpoint: `${demo.issuer}/token/revocation`,
      introspection_endpoint: `${demo.issuer}/token/introspection`,
      scopes_supported: ['openid', 'email', 'profile', 'offline_access'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
    });
  });

  it('issues tokens of the full scope, always with a refresh token', async () => {
    const tokens = await client.connect(openBrowser());
    expect(tokens.status).toBe(200);
    expect(tokens.body).toMatchObject({
      expires_in: 600,
      token_type: 'Bearer',
      scope: 'openid email profile offline_access',
      id_token: expect.any(String),
      refresh_token: expect.any(String),
    });
    expect((await client.read('/me', tokens.access)).body).toEqual({
      sub: 'ada-lovelace',
      name: 'Ada Lovelace',
      preferred_username: 'ada-lovelace',
      email: 'ada-lovelace@demo.example',
      email_verified: true,
    });
  });

  it('rotates the refresh token and ends the grant when an old one comes back', async () => {
    const first = await client.connect(openBrowser());
    const second = await client.refresh(first.refresh);
    expect(second.status).toBe(200);
    expect(second.refresh).not.toBe(first.refresh);
    expect((await client.refresh(first.refresh)).body).toMatchObject({ error: 'invalid_grant' });
    expect((await client.refresh(second.refresh)).body).toMatchObject({ error: 'invalid_grant' });
  });

  it('mints a narrower token on refresh, and keeps the whole grant behind it', async () => {
    const tokens = await client.connect(openBrowser());
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh, scope: 'openid email' };
    const { status, body } = await client.post('/token', form);
    expect([status, body['scope']]).toEqual([200, 'openid email']);
    const seen = await client.read('/me', String(body['access_token']));
    expect(Object.keys(seen.body)).toEqual(['sub', 'email', 'email_verified']);
    expect((await client.read('/me', tokens.access)).body).toMatchObject({ name: 'Ada Lovelace' });
    const next = await client.refresh(String(body['refresh_token']));
    expect(next.body).toMatchObject({ scope: 'openid email profile offline_access' });
  });

  it('keeps sessions, tokens, keys and the client across a restart', async () => {
    const browser = openBrowser();
    const before = await client.connect(browser, 'ada');
    const keys = await client.read('/jwks');
    await demo.stop();
    demo = await start();
    expect((await client.read('/me', before.access)).status).toBe(200);
    const after = await client.refresh(before.refresh);
    expect(after.status).toBe(200);
    expect((await client.read('/me', after.access)).body).toMatchObject({ sub: 'ada' });
    expect(await client.read('/jwks')).toEqual(keys);
    expect(await (await browser.open(client.describeRequest().url)).text()).toContain('Allow access?');
  });

  it('revokes and introspects', async () => {
    const tokens = await client.connect(openBrowser());
    const introspect = () => client.post('/token/introspection', { token: tokens.access });
    expect((await introspect()).body).toMatchObject({ active: true, sub: 'ada-lovelace' });
    expect((await client.post('/token/revocation', { token: tokens.refresh })).status).toBe(200);
    expect((await introspect()).body).toEqual({ active: false });
    expect((await client.read('/me', tokens.access)).status).toBe(401);
    expect((await client.refresh(tokens.refresh)).body).toMatchObject({ error: 'invalid_grant' });
  });

  it('keeps its files to its owner', () => {
    const modes = readdirSync(settings.directory).map((name) => statSync(join(settings.directory, name)).mode & 0o777);
    expect(modes.length).toBeGreaterThanOrEqual(3);
    expect(new Set(modes)).toEqual(new Set([0o600]));
    expect(statSync(settings.directory).mode & 0o777).toBe(0o700);
  });
});

describe('the pages of the demo provider', () => {
  it('show the client, the scopes and that it is a demo, under a policy without scripts', async () => {
    const browser = openBrowser();
    const login = await browser.open(client.describeRequest({ login_hint: '"><i>x' }).url);
    expect(login.headers.get('content-security-policy')).toContain("default-src 'none'");
    const page = await login.text();
    expect(page).toContain('This is a demo.');
    expect(page).toContain('value="&quot;&gt;&lt;i&gt;x"');
    const consent = await browser.follow(await browser.send(readAction(page, '/login'), { name: 'Grace' }));
    const text = await consent.response.text();
    for (const part of ['nexus-demo', 'Grace', 'offline_access', 'See your e-mail address'])
      expect(text).toContain(part);
  });

  it('show the mistake beside the field when no name is entered', async () => {
    const answer = await openBrowser().signIn(client.describeRequest().url, ' ');
    expect(answer.status).toBe(422);
    const page = await answer.text();
    expect(page).toContain('aria-invalid="true"');
    expect(page).toContain('Enter a name.');
  });

  it('return access_denied when the person denies', async () => {
    const browser = openBrowser();
    const { location } = await browser.submit(await browser.signIn(client.describeRequest().url, 'ada'), '/cancel');
    const query = new URL(location).searchParams;
    expect([query.get('error'), query.get('state'), query.get('iss')]).toEqual([
      'access_denied',
      'the-state',
      demo.issuer,
    ]);
  });

  it('let another name sign in from the consent page', async () => {
    const browser = openBrowser();
    const consent = await browser.signIn(client.describeRequest().url, 'ada');
    const login = await browser.submit(consent, '/switch');
    const next = await browser.submit(login.response, '/login', { name: 'bob' });
    expect(await next.response.text()).toContain('<strong>Bob</strong>');
  });

  it('let another name sign in where a fresh sign-in was asked for', async () => {
    const browser = openBrowser();
    await client.connect(browser, 'ada');
    const login = await browser.signIn(client.describeRequest({ prompt: 'login consent' }).url, 'bob');
    const consent = await browser.submit(login, '/login', { name: 'bob' });
    expect(await consent.response.text()).toContain('<strong>Bob</strong>');
  });

  it('do not take a form that another site or another browser sent', async () => {
    const browser = openBrowser();
    const action = readAction(await (await browser.open(client.describeRequest().url)).text(), '/login');
    expect((await browser.send(action, { name: 'ada' }, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await openBrowser().send(action, { name: 'ada' })).status).toBe(410);
  });

  it('explain a request that cannot be accepted to a person', async () => {
    const response = await openBrowser().send(client.describeRequest({ client_id: 'nobody' }).url);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(await response.text()).toContain('invalid_client');
  });

  it('let a person take the access back, and give it again', async () => {
    const browser = openBrowser();
    const tokens = await client.connect(browser);
    expect((await browser.send('/access/remove', {}, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    const removed = await browser.submit(await browser.open('/'), '/access/remove');
    expect(await removed.response.text()).toContain('Access removed.');
    expect((await client.refresh(tokens.refresh)).body).toMatchObject({ error: 'invalid_grant' });
    const consent = await browser.open(client.describeRequest().url);
    const { location } = await browser.submit(consent, '/confirm');
    expect(new URL(location).searchParams.get('code')).toBeTruthy();
  });
});

describe('the pretend API and application', () => {
  it.each([
    ['Bearer demo-123', 200],
    ['Bearer other-123', 401],
    ['Bearer demo-', 401],
    ['Basic demo-123', 401],
    [undefined, 401],
  ])('answers %s with %i', async (authorization, status) => {
    const headers = authorization === undefined ? {} : { authorization };
    const response = await fetch(new URL('/demo-key/me', demo.issuer), { headers });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/json');
  });

  it('tells a person who comes back what happened, without trusting the query', async () => {
    const good = await openBrowser().open('/demo-app/return?status=success&provider=demo&connection_ref=01J');
    const text = await good.text();
    expect(text).toContain('<h1 class="good">Connected</h1>');
    expect(text).toContain('/v1/token/');
    const bad = await (await openBrowser().open('/demo-app/return?status=failed&error=%3Cb%3E')).text();
    expect(bad).toContain('Not connected');
    expect(bad).toContain('&lt;b&gt;');
  });

  it('answers anything else with 404', async () => {
    expect((await fetch(new URL('/nothing', demo.issuer))).status).toBe(404);
  });
});
