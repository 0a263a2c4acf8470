/** B14 over real sockets, where nothing tidies the request line before the Gateway sees it. */
import { request as sendRequest } from 'node:http';
import { serve } from '@nexus/http/serve';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { World } from './testing/world.js';
import { openWorld } from './testing/world.js';

const protectedRoutes = [
  'GET /v1/providers',
  'GET /v1/connections?workspace_id=w',
  'GET /v1/resolve?workspace_id=w&provider_name=p',
  'GET /v1/agent-sessions/sess_x',
  'POST /v1/agent-sessions',
  'POST /v1/agent-sessions/obo',
  'GET /v1/agent-sessions/sess_x/token',
  'POST /v1/oauth/introspect',
];

const spellings: readonly ((path: string) => string)[] = [
  (path) => `/${path}`,
  (path) => `//${path}`,
  (path) => path.replace('/v1/', '//v1//'),
  (path) => path.replace('/v1/', '/v1//'),
  (path) => path.replace('/v1/', '/./v1/'),
  (path) => path.replace('/v1/', '/v1/./'),
  (path) => path.replace('/v1/', '/x/../v1/'),
  (path) => path.replace('/v1/', '/v1/x/../'),
  (path) => path.replace('/v1/', '/%2e/v1/'),
  (path) => path.replace('/v1/', '/x/%2e%2e/v1/'),
  (path) => path.replace('/v1/', '/x/.%2e/v1/'),
  (path) => path.replace('/v1/', '/v1%2f'),
  (path) => path.replace('/v1/', '/v1%2F'),
  (path) => path.replace('/v1/', '/v1%5c'),
  (path) => path.replace('/v1/', '\\v1\\'),
  (path) => path.replace('/v1/', '/%76%31/'),
  (path) => path.replace('/v1/', '/%2576%2531/'),
  (path) => path.replace('/v1/', '/V1/'),
  (path) => path.replace('/v1/', '/v1;a=b/'),
  (path) => path.replace(/(\?|$)/, ';a=b$1'),
  (path) => path.replace(/(\?|$)/, '/$1'),
  (path) => path.replace(/(\?|$)/, '%20$1'),
  (path) => path.replace(/(\?|$)/, '%00$1'),
  (path) => path.replace(/(\?|$)/, '.json$1'),
  (path) => path.replace(/(\?|$)/, '%3f$1'),
  (path) => path.replace(/(\?|$)/, '%23$1'),
  (path) => path.replace(/(\?|$)/, '/..;/providers$1'),
  (path) => `http://connect.example.com${path}`,
  (path) => `http://evil.example${path}`,
  (path) => `${path}#/v1/health`,
];

const tricks: readonly Readonly<Record<string, string>>[] = [
  { 'X-Original-URL': '/v1/health' },
  { 'X-Rewrite-URL': '/v1/health' },
  { 'X-HTTP-Method-Override': 'OPTIONS' },
  { 'X-Method-Override': 'HEAD' },
  { 'X-Forwarded-Prefix': '/v1/health' },
  { 'X-Forwarded-Host': 'localhost', 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '127.0.0.1' },
  { X_API_Key: 'key', 'X-Api_Key': 'key', Authorization: 'Bearer key', Cookie: 'X-API-Key=key' },
  { X_Forwarded_For: '127.0.0.1', 'X-Nexus-Caller-Key': 'key', 'X-Nexus-Caller-Ip': '127.0.0.1' },
  { Forwarded: 'for=127.0.0.1;host=localhost' },
  { Connection: 'close, X-API-Key' },
];

const corpus = protectedRoutes.flatMap((route) => {
  const [method = '', path = ''] = route.split(' ');
  return [
    ...spellings.map((spell) => ({ method, path: spell(path), headers: {} })),
    ...tricks.map((headers) => ({ method, path, headers })),
  ];
});

describe('B14: spellings of a protected route', () => {
  let world: World;
  let server: Awaited<ReturnType<typeof serve>>;

  beforeAll(async () => {
    world = await openWorld();
    const { logger } = world.gateway.deps;
    server = await serve({ app: world.gateway.app, host: '127.0.0.1', port: 0, logger, drainMs: 100 });
  });

  afterAll(async () => {
    await server.close();
    await world[Symbol.asyncDispose]();
  });

  function statusOf(entry: (typeof corpus)[number]): Promise<number> {
    return new Promise((resolve, reject) => {
      const request = sendRequest({ port: server.port, host: '127.0.0.1', agent: false, ...entry }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.on('error', reject);
      request.end();
    });
  }

  it(`opens nothing in ${corpus.length} attempts without a key`, async () => {
    expect(corpus).toHaveLength(320);
    for (const entry of corpus) {
      const status = await statusOf(entry);
      expect([400, 401, 404, 405], `${entry.path} ${JSON.stringify(entry.headers)}`).toContain(status);
    }
    expect(world.broker.calls).toEqual([]);
  });

  it('takes no method from a header', async () => {
    const headers = { 'X-HTTP-Method-Override': 'DELETE', 'X-API-Key': world.key };
    await statusOf({ method: 'GET', path: '/v1/providers/p1', headers });
    expect(world.broker.calls.map((call) => call.route)).toEqual(['GET /admin/v1/providers/p1']);
  });
});
