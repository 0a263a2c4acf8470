import { NexusError } from '@nexus/core/errors';
import { isUlid } from '@nexus/core/ids';
import { createToken } from '@nexus/core/tokens';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ErrorBody } from './errors.js';
import { createTestApp, sendBody } from './test-app.js';
import type { CapturedLog } from './testing.js';
import { captureLog } from './testing.js';

let log: CapturedLog;
let app: ReturnType<typeof createTestApp>;

beforeEach(() => {
  log = captureLog('info');
  app = createTestApp(log);
});

async function readError(answer: Response): Promise<ErrorBody> {
  return (await answer.json()) as ErrorBody;
}

describe('every answer', () => {
  it.each([
    ['/things/1', 200],
    ['/things/1?wait=x', 400],
    ['/nowhere', 404],
    ['/fail/error', 500],
    ['/fail/text', 500],
  ])('carries the security headers (%s)', async (path, status) => {
    const answer = await app.request(path);
    expect(answer.status).toBe(status);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'content-type': 'application/json',
    });
    expect(isUlid(answer.headers.get('x-request-id') ?? '')).toBe(true);
  });

  it('keeps the caching and referrer rules a page sets', async () => {
    const answer = await app.request('/page');
    expect(answer.headers.get('cache-control')).toBe('max-age=60');
    expect(answer.headers.get('referrer-policy')).toBe('same-origin');
  });

  it('repeats a well-formed request id in header and error body', async () => {
    const answer = await app.request('/nowhere', { headers: { 'X-Request-Id': 'trace-7.A_b' } });
    expect(answer.headers.get('x-request-id')).toBe('trace-7.A_b');
    expect((await readError(answer)).request_id).toBe('trace-7.A_b');
  });

  it.each(['', 'a b', 'x'.repeat(129), 'ä', '<script>', createToken('nxa')])(
    'replaces the request id %j, which is malformed or a secret',
    async (offered) => {
      const headers = { 'X-Request-Id': encodeURIComponent(offered) === offered ? offered : encodeURI(offered) };
      const answer = await app.request('/nowhere', { headers });
      expect(isUlid(answer.headers.get('x-request-id') ?? '')).toBe(true);
    },
  );

  it('answers HEAD with the headers of GET and no body', async () => {
    const answer = await app.request('/things/1', { method: 'HEAD' });
    expect([answer.status, await answer.text(), answer.headers.get('cache-control')]).toEqual([200, '', 'no-store']);
  });
});

describe('errors', () => {
  it('answers 404 not_found for an unknown path', async () => {
    const answer = await app.request('/nowhere');
    expect(await readError(answer)).toMatchObject({ error: 'not_found', code: 'not_found' });
  });

  it('answers 405 with Allow for a known path with another method', async () => {
    const answer = await app.request('/things', { method: 'DELETE' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, PUT']);
    expect((await readError(answer)).code).toBe('method_not_allowed');
    expect((await app.request('/things/1', { method: 'POST' })).headers.get('allow')).toBe('GET, HEAD');
    expect((await app.request('/things/1', { method: 'OPTIONS' })).status).toBe(405);
  });

  it('B14: does not let a header override the method or the path', async () => {
    const headers = {
      'X-HTTP-Method-Override': 'GET',
      'X-Original-URL': '/things/1',
      'X-Rewrite-URL': '/things/1',
      'X-Forwarded-Prefix': '/things',
    };
    expect((await app.request('/nowhere', { headers })).status).toBe(404);
    expect((await app.request('/things/1', { method: 'DELETE', headers })).status).toBe(405);
  });

  it('G11: never shows private words, and logs them once', async () => {
    for (const path of ['/fail/nexus', '/fail/error', '/fail/text']) {
      const answer = await app.request(path);
      expect(await answer.text()).not.toContain('private');
    }
    expect(log.entries().map(({ level, status, code }) => [level, status, code])).toEqual([
      ['error', 502, 'provider_unavailable'],
      ['error', 500, 'internal_error'],
      ['error', 500, 'internal_error'],
    ]);
    expect(log.lines.slice(0, 2).every((line) => line.includes('private words'))).toBe(true);
  });

  it('lets the service say what a thrown value means, and logs what it was', async () => {
    const translated = createTestApp(log, {
      translateError: (error) =>
        error instanceof Error && !(error instanceof NexusError)
          ? new NexusError('broker_unavailable', 'Later.', { cause: error })
          : error,
    });
    expect((await readError(await translated.request('/fail/error'))).code).toBe('broker_unavailable');
    expect((await readError(await translated.request('/fail/nexus'))).code).toBe('provider_unavailable');
    expect(log.entries().map(({ status, code }) => [status, code])).toEqual([
      [503, 'broker_unavailable'],
      [502, 'provider_unavailable'],
    ]);
    expect(log.lines.join()).toContain('private words');
  });

  it('renders pages instead of JSON under a given prefix, and JSON when the page fails', async () => {
    const pages = createTestApp(log, {
      errorPages: [
        { prefix: '/fail/', render: (error, c) => c.html(`<h1>${error.code}</h1>`, 500) },
        { prefix: '/broken/', render: () => Promise.reject(new Error('no page')) },
      ],
    });
    const page = await pages.request('/fail/nexus');
    expect([await page.text(), page.headers.get('x-content-type-options')]).toEqual([
      '<h1>provider_unavailable</h1>',
      'nosniff',
    ]);
    expect(await (await pages.request('/fail/nowhere')).text()).toBe('<h1>not_found</h1>');
    expect((await pages.request('/fail/nexus', { method: 'POST' })).headers.get('allow')).toBe('GET, HEAD');
    expect((await readError(await pages.request('/broken/x'))).code).toBe('not_found');
  });
});

describe('the log', () => {
  it('has one line per request, by route pattern and never by URL', async () => {
    const token = createToken('nxc');
    await app.request(`/things/${token}?wait=${token}`, { headers: { 'X-API-Key': token } });
    await app.request(`/nowhere/${token}`);
    expect(log.entries()).toMatchObject([
      {
        level: 'info',
        message: 'request',
        method: 'GET',
        route: '/things/:id',
        status: 400,
        code: 'invalid_request',
        ms: 0,
      },
      { level: 'info', route: 'unmatched', status: 404, code: 'not_found' },
    ]);
    expect(log.lines.join('')).not.toContain('nxc_');
  });
});

describe('schema problems', () => {
  it('answers invalid_request with the path of each field', async () => {
    const answer = await sendBody(app, '/things', '{"name":1,"tags":["a",2],"nmae":"x"}');
    expect(answer.status).toBe(400);
    expect(await readError(answer)).toMatchObject({
      code: 'invalid_request',
      details: [
        { path: 'name', message: 'must be a string' },
        { path: 'tags[1]', message: 'must be a string' },
        { path: 'nmae', message: 'is not a known field' },
      ],
    });
  });

  it('checks queries and paths alike', async () => {
    expect((await readError(await app.request('/things/1?wait=x'))).details).toMatchObject([{ path: 'wait' }]);
    expect((await readError(await app.request('/things/1?wiat=1'))).details).toMatchObject([{ path: 'wiat' }]);
    expect((await app.request(`/things/${'x'.repeat(65)}`)).status).toBe(400);
  });

  it.each([
    '/things/1?__proto__=1&__proto__=2',
    '/things/1?toString=1',
    '/things/__proto__',
    '/things/%ff',
    '/things/%00',
    '/constructor',
  ])('B13: survives %s', async (path) => {
    expect((await app.request(path)).status).toBeLessThan(500);
  });
});

describe('the caller address', () => {
  const bindings = { incoming: { socket: { remoteAddress: '10.0.0.2' } } };
  const init = { headers: { 'X-Forwarded-For': '198.51.100.7' } };

  it('A12: is the socket address unless a trusted proxy says otherwise', async () => {
    const behindProxy = createTestApp(log, { trustedProxies: ['10.0.0.0/8'] });
    expect(await (await app.request('/things/1', init, bindings)).json()).toMatchObject({ ip: '10.0.0.2' });
    expect(await (await behindProxy.request('/things/1', init, bindings)).json()).toMatchObject({ ip: '198.51.100.7' });
  });

  it('B14: ignores the underscore spelling of the header', async () => {
    const behindProxy = createTestApp(log, { trustedProxies: ['10.0.0.0/8'] });
    const underscored = { headers: { X_Forwarded_For: '198.51.100.7' } };
    expect(await (await behindProxy.request('/things/1', underscored, bindings)).json()).toMatchObject({
      ip: '10.0.0.2',
    });
  });
});
