import { createHash } from 'node:crypto';
import type { RunningOpenidProvider } from '@nexus/testkit/openid-provider';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  boundReturnUrl,
  createVerifier,
  registerBoundOrigin,
  registerOpenidProvider,
  registerStaticProvider,
  requestConnection,
} from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { answerAuthorization, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { engines, type Stack, startStack } from '../support/stack.js';

/** Shorter texts stand in random values by chance. */
const shortestTelling = 9;

/** Every spelling a URL may carry a secret in, long enough parts of it included. */
function spell(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const digest = createHash('sha256').update(secret).digest();
  const base64 = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .slice(4, -6),
  );
  return [
    secret,
    secret.slice(4),
    [...secret].reverse().join(''),
    bytes.toString('hex'),
    digest.toString('hex'),
    digest.toString('base64').slice(0, -2),
    digest.toString('base64url'),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ].filter((spelling) => spelling.length >= shortestTelling);
}

/** A text as it is, and as often as it can be decoded. */
function decodeAll(text: string): string {
  const seen = [text];
  for (let depth = 0; depth < 3; depth++) {
    try {
      seen.push(decodeURIComponent((seen.at(-1) ?? '').replaceAll('+', ' ')));
    } catch {
      break;
    }
  }
  return seen.join('\n');
}

function findLeaks(urls: readonly string[], secrets: readonly string[]): string[] {
  const text = decodeAll(urls.join('\n')).toLowerCase();
  return secrets.flatMap(spell).filter((spelling) => text.includes(spelling.toLowerCase()));
}

describe.each(engines)('what URLs give away on %s', (engine) => {
  let stack: Stack;
  let provider: ScriptedOauth;
  let real: RunningOpenidProvider;
  let app: ScriptedProvider;

  beforeAll(async () => {
    stack = await startStack({ engine });
    provider = await registerScriptedOauth(stack);
    ({ provider: real } = await registerOpenidProvider(stack, { name: 'real' }));
    await registerStaticProvider(stack);
    await registerBoundOrigin(stack);
    app = await startScriptedProvider();
    app.answer('/return', { body: 'welcome back' });
  });
  afterAll(async () => {
    await stack.close();
    await Promise.all([provider, real, app].map((running) => running.close()));
  });

  it('the search itself finds a planted secret in every spelling', () => {
    const secret = 'nxc_0123456789abcdefghijABCDEFGHIJ0123456789abcdefghi';
    for (const spelling of spell(secret)) {
      expect(
        findLeaks([`https://app.example/?x=${encodeURIComponent(encodeURIComponent(spelling))}`], [secret]),
      ).not.toEqual([]);
    }
    expect(findLeaks(['https://app.example/?state=unrelated'], [secret])).toEqual([]);
  });

  it('H13, H14: no URL that the provider or the application sees holds the connection id, the code or a token', async () => {
    const requested = await requestConnection(stack, {
      provider_name: 'scripted',
      return_url: app.url('/return'),
      login_hint: 'ada@example.test',
    });
    const person = new Person(stack.gatewayUrl);
    const hop = await person.press(requested.auth_url);
    await fetch(hop.location);
    const code = 'code-leak-9c1f7e';
    const returned = await person.open(answerAuthorization(hop.location, { code }));
    await fetch(returned.location);
    const token = await stack.gateway('GET', `/v1/token/${requested.connection_id}`);
    const access: string = token.body.credentials.access_token;
    expect(access).toMatch(/^at-leak-/);

    const seenByApp = app
      .requests()
      .map((request) => `${request.path}?${request.query} ${JSON.stringify(request.headers)}`);
    const seenByProvider = provider.server
      .requests()
      .map((request) => `${request.path}?${request.query} ${request.headers['referer'] ?? ''}`);
    expect(seenByApp).toHaveLength(1);
    expect(seenByProvider.length).toBeGreaterThan(2);
    const tokens = [access, access.replace('at-', 'rt-')];
    const places = [requested.auth_url, hop.location, returned.location, ...seenByApp, ...seenByProvider];
    expect(findLeaks(places, [requested.connection_id, ...tokens])).toEqual([]);
    expect(findLeaks([returned.location, ...seenByApp], [code])).toEqual([]);
    expect(findLeaks([hop.location, returned.location], [requested.state])).toEqual([]);
  });

  it('H13: at a real provider too, and in a bound flow, where only the handle goes through the browser', async () => {
    const { challenge, verifier } = createVerifier();
    const requested = await requestConnection(stack, {
      provider_name: 'real',
      return_url: boundReturnUrl,
      completion_challenge: challenge,
    });
    const person = new Person(stack.gatewayUrl);
    const hop = await person.press(requested.auth_url);
    const callback = await real.consentAs(hop.location, { login: 'ada' });
    const returned = await person.open(callback);
    const handle = new URL(returned.location).searchParams.get('handle') ?? '';
    await stack.gateway('POST', '/v1/complete-connection', { body: { handle, code_verifier: verifier } });
    const token = await stack.gateway('GET', `/v1/token/${requested.connection_id}`);
    const access: string = token.body.credentials.access_token;
    expect(access.length).toBeGreaterThan(20);
    const places = [requested.auth_url, hop.location, callback, returned.location];
    expect(findLeaks(places, [requested.connection_id, access, verifier])).toEqual([]);
    const code = new URL(callback).searchParams.get('code') ?? '';
    expect(findLeaks([returned.location], [code, requested.state])).toEqual([]);
  });

  it('H13: a captured key does not travel in the redirect', async () => {
    const requested = await requestConnection(stack, { provider_name: 'acme-key' });
    const key = 'fixture-static-key-5b2d';
    const page = await new Person(stack.gatewayUrl).press(requested.auth_url, { api_key: key });
    expect(page.status).toBe(303);
    expect(findLeaks([page.location], [key, requested.connection_id, requested.state])).toEqual([]);
  });

  it('H13: the answers of the handshake are kept by no cache and named in no referrer', async () => {
    const requested = await requestConnection(stack, { provider_name: 'scripted' });
    const person = new Person(stack.gatewayUrl);
    const hop = await person.press(requested.auth_url);
    const returned = await person.open(answerAuthorization(hop.location, { code: 'code-ada-1' }));
    for (const page of [hop, returned]) {
      expect(page.status).toBe(303);
      expect(page.headers.get('cache-control')).toBe('no-store');
      // `same-origin` sends nothing across origins, which is where these redirects lead.
      expect(['no-referrer', 'same-origin']).toContain(page.headers.get('referrer-policy'));
    }
    const json = await stack.gateway('GET', `/v1/token/${requested.connection_id}`);
    expect(json.headers.get('cache-control')).toBe('no-store');
    expect(json.headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('H14: state, nonce, challenge and ticket share nothing between two flows of one connection', async () => {
    const first = await requestConnection(stack, { provider_name: 'real' });
    const second = await requestConnection(stack, { provider_name: 'real', connection_id: first.connection_id });
    const queries = await Promise.all(
      [first, second].map(async (requested) => {
        const hop = await new Person(stack.gatewayUrl).press(requested.auth_url);
        return new URL(hop.location).searchParams;
      }),
    );
    for (const name of ['state', 'nonce', 'code_challenge']) {
      const [one, two] = queries.map((query) => query.get(name) ?? '');
      expect(one).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(one).not.toBe(two);
    }
    const values = queries.flatMap((query) => ['state', 'nonce', 'code_challenge'].map((name) => query.get(name)));
    expect(new Set([...values, first.state, second.state]).size).toBe(8);
  });

  it('H12: a return URL outside the registered origin, or with a trick in it, is refused', async () => {
    const origin = await stack.broker('POST', '/admin/v1/return-origins', {
      body: { origin: 'https://app.example', app_name: 'App', completion: 'confirm', path_prefix: '/done' },
    });
    expect(origin.status).toBe(201);
    const ask = (url: string) =>
      stack.gateway('POST', '/v1/request-connection', {
        body: { workspace_id: 'w', provider_name: 'scripted', return_url: url },
      });
    for (const url of [
      'https://app.example/done',
      'https://app.example/done/x?y=1',
      'https://app.example/done/?a=b&c',
    ]) {
      expect((await ask(url)).status, url).toBe(200);
    }
    for (const url of hostileUrls) {
      const refused = await ask(url);
      expect(refused.status, url).toBe(400);
      expect(['return_url_not_allowed', 'invalid_request'], url).toContain(refused.body.code);
    }
  });
});

const hostileUrls = [
  'http://app.example/done',
  'https://app.example',
  'https://app.example/',
  'https://app.example/donex',
  'https://app.example/Done',
  'https://app.example/other',
  'https://app.example/done/../other',
  'https://app.example/done/%2e%2e/other',
  'https://app.example/done/..%2fother',
  'https://app.example/done%2f..%2fother',
  'https://app.example/done/.%2e/other',
  'https://app.example/done//evil.example',
  'https://app.example:444/done',
  'https://app.example:443/done',
  'https://APP.example/done',
  'https://app.example./done',
  'https://app.example.evil.example/done',
  'https://evilapp.example/done',
  'https://evil.example/https://app.example/done',
  'https://evil.example/done?https://app.example/done',
  'https://app.example@evil.example/done',
  'https://user@app.example/done',
  'https://user:pass@app.example/done',
  'https://evil.example#@app.example/done',
  'https://evil.example\\@app.example/done',
  'https://app.example\\done',
  'https:app.example/done',
  'https:/app.example/done',
  'https:///app.example/done',
  '//app.example/done',
  '/done',
  'done',
  'javascript://app.example/done%0aalert(1)',
  'data:text/html,hello',
  'ftp://app.example/done',
  'https://app.example/done#fragment',
  'https://app.example/done#',
  'https://app.example/done\t',
  ' https://app.example/done',
  'https://app.example/do\nne',
  'https://app.example/done%0d%0aSet-Cookie:x=y',
  'https://app.example/done%00',
  'https://app.example/done%',
  'https://app.example/done?status=success',
  'https://app.example/done?a=1&handle=x',
  'https://app.example/done?connection_ref=x',
  'https://app.example/done?Status=success',
  'https://app.example/done?%73tatus=success',
  'https://app.example/done?status[]=success',
  'https://ａpp.example/done',
  'https://app。example/done',
  'https://xn--app.example/done',
  'https://[::1]:99999/done',
  '',
  `https://app.example/done/${'x'.repeat(2_100)}`,
];
