import { describe, expect, it } from 'vitest';
import { buildContract } from './contract.js';
import { payloadFixture, stateFixture } from './testing/fixtures.js';
import { openWorld, readRefusal } from './testing/world.js';

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly needsKey: boolean;
  readonly hasBody: boolean;
}

function listOperations(): Operation[] {
  return Object.entries(buildContract().paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, { operationId: string; security: object[]; requestBody?: object }>).map(
      ([method, operation]) => ({
        method: method.toUpperCase(),
        path: path.replaceAll(/\{[^}]+\}/g, 'x1'),
        operationId: operation.operationId,
        needsKey: operation.security.length > 0 && operation.security.every((entry) => 'ApiKey' in entry),
        hasBody: operation.requestBody !== undefined,
      }),
    ),
  );
}

const operations = listOperations();
// The standard door has its own form of error and its own client authentication: see oauth-client.test.ts.
const v1 = operations.filter(({ path }) => /^\/v1\/(?!health$|oauth\/)/.test(path));
const closed = operations.filter(({ needsKey }) => needsKey);

describe('keys', () => {
  it('has exactly the closed routes of the contract', () => {
    expect(closed.map(({ operationId }) => operationId).sort()).toEqual([
      'closeAgentSession',
      'createAgentSession',
      'createOboSession',
      'createProvider',
      'deleteConnection',
      'deleteProvider',
      'getAgentSession',
      'getProvider',
      'listConnections',
      'listProviders',
      'resolveConnection',
      'updateProvider',
    ]);
  });

  it.each(closed)(
    'B5: $operationId without a key is 401 before its parameters are judged',
    async ({ method, path, hasBody }) => {
      await using world = await openWorld();
      for (const headers of [{}, { 'X-API-Key': ' ' }]) {
        const sending = hasBody ? { headers, json: { unknown: 1 } } : { headers };
        const response = await world.send(method, `${path}?limit=x&force=x&status=x`, sending);
        expect(await readRefusal(response)).toEqual([401, 'missing_api_key']);
      }
      expect(world.broker.calls).toEqual([]);
    },
  );

  it.each(closed)('B16: $operationId with a key that no header can carry is 401', async ({ method, path, hasBody }) => {
    await using world = await openWorld();
    for (const key of ['a b', 'ü', 'x'.repeat(600)]) {
      const sending = hasBody ? { key, json: {} } : { key };
      expect(await readRefusal(await world.send(method, path, sending))).toEqual([401, 'invalid_api_key']);
    }
  });

  it('passes a key that is sent to an open route on, for the Broker to check', async () => {
    await using world = await openWorld();
    await world.send('GET', '/v1/token/x', { key: world.key });
    await world.send('GET', '/v1/token/x');
    expect(world.broker.calls.map((call) => call.headers['x-nexus-caller-key'])).toEqual([world.key, undefined]);
  });

  it('REQUIRE_CALLER_AUTH demands a key on the connection routes, and on no page', async () => {
    await using world = await openWorld({ REQUIRE_CALLER_AUTH: 'true' });
    const bodies: Record<string, unknown> = {
      requestConnection: { workspace_id: 'w', provider_name: 'p', return_url: 'https://app.example/' },
      captureCredential: { state: 't', credentials: {} },
      completeConnection: { handle: 'h', code_verifier: 'v' },
    };
    for (const { method, path, operationId } of v1) {
      if (['getProvidersMetadata', 'getSessionToken'].includes(operationId)) continue;
      const json = bodies[operationId];
      const response = await world.send(method, path, json === undefined ? {} : { json });
      expect([operationId, ...(await readRefusal(response))]).toEqual([operationId, 401, 'missing_api_key']);
    }
    expect(world.broker.calls).toEqual([]);
    expect((await world.send('GET', '/connect/t')).status).not.toBe(401);
  });

  it('ignores a key on the pages: a browser holds none', async () => {
    await using world = await openWorld();
    await world.send('GET', '/connect/t', { key: world.key });
    await world.send('GET', '/auth/callback/acme?state=s', { key: 'not even a key' });
    expect(world.broker.calls).toHaveLength(2);
    for (const call of world.broker.calls) expect(call.headers['x-nexus-caller-key']).toBeUndefined();
  });
});

describe('A12: the address of the caller', () => {
  const spoofed = {
    'X-Forwarded-For': '203.0.113.66',
    X_Forwarded_For: '203.0.113.66',
    'X-Real-IP': '203.0.113.66',
    'X-Client-IP': '203.0.113.66',
    'CF-Connecting-IP': '203.0.113.66',
    'True-Client-IP': '203.0.113.66',
    Forwarded: 'for=203.0.113.66',
    'X-Nexus-Caller-Ip': '203.0.113.66',
  };

  it('is the peer when no proxy is trusted, whatever headers say', async () => {
    await using world = await openWorld();
    await world.send('GET', '/v1/token/x', { headers: spoofed, peer: '192.0.2.1' });
    expect(world.broker.calls[0]?.headers['x-nexus-caller-ip']).toBe('192.0.2.1');
    expect(JSON.stringify(world.broker.calls[0]?.headers)).not.toContain('203.0.113.66');
  });

  it('is what the trusted proxy saw, not what the client claimed before it', async () => {
    await using world = await openWorld({ TRUSTED_PROXIES: '10.0.0.0/8' });
    const headers = { 'X-Forwarded-For': '203.0.113.66, 198.51.100.4, 10.0.0.2' };
    await world.send('GET', '/v1/token/x', { headers, peer: '10.0.0.1' });
    await world.send('GET', '/v1/token/x', { headers, peer: '192.0.2.1' });
    expect(world.broker.calls.map((call) => call.headers['x-nexus-caller-ip'])).toEqual(['198.51.100.4', '192.0.2.1']);
  });
});

describe('answers', () => {
  it.each(v1)('$operationId carries the headers of the contract, refused or not', async ({ method, path }) => {
    await using world = await openWorld();
    const response = await world.send(method, path);
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9A-Z]{26}$/);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.json()).toMatchObject({ request_id: response.headers.get('x-request-id') });
  });

  it('keeps a caller’s request id unless it is shaped like a token', async () => {
    await using world = await openWorld();
    const echo = async (id: string) =>
      (await world.send('GET', '/healthz', { headers: { 'X-Request-Id': id } })).headers.get('x-request-id');
    expect(await echo('build-7_a.b')).toBe('build-7_a.b');
    for (const id of [world.key, 'a b', 'x'.repeat(129)]) expect(await echo(id)).not.toBe(id);
  });

  it('says 404 and 405 in the shape of the contract', async () => {
    await using world = await openWorld();
    expect(await readRefusal(await world.send('GET', '/v1/nothing'))).toEqual([404, 'not_found']);
    expect(await readRefusal(await world.send('DELETE', '/v1/token/x'))).toEqual([405, 'method_not_allowed']);
    const { status, headers } = await world.send('PUT', '/v1/agent-sessions/obo', { json: {} });
    expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD, POST, DELETE']);
  });

  it.each(v1.filter(({ hasBody }) => hasBody))(
    'G1, G4: $operationId refuses other content types and large bodies',
    async ({ method, path }) => {
      await using world = await openWorld();
      const types = [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/jsonx',
      ];
      for (const type of types) {
        const request = { method, headers: { 'Content-Type': type, 'X-API-Key': world.key }, body: '{}' };
        expect(await readRefusal(await world.gateway.app.request(path, request))).toEqual([
          415,
          'unsupported_media_type',
        ]);
      }
      const large = await world.send(method, path, { key: world.key, json: { a: 'x'.repeat(70_000) } });
      expect(await readRefusal(large)).toEqual([413, 'payload_too_large']);
      expect(world.broker.calls).toEqual([]);
    },
  );

  it('G11: an answer that breaks its own code tells nothing but the request id', async () => {
    await using world = await openWorld();
    world.broker.on('POST /internal/v1/connections/list', { body: { connections: 'MARKER' } });
    const response = await world.send('GET', '/v1/connections?workspace_id=w', { key: world.key });
    expect(await readRefusal(response)).toEqual([500, 'internal_error']);
    expect(await response.text()).not.toMatch(/MARKER|map|\.ts/);
  });
});

describe('CORS', () => {
  const origin = 'https://app.example';

  it('is off by default', async () => {
    await using world = await openWorld();
    world.broker.on('POST /internal/v1/connections/check', { body: stateFixture() });
    const response = await world.send('GET', '/v1/check-connection/x', { headers: { Origin: origin } });
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('allows exactly the listed origins, on answers and on refusals', async () => {
    await using world = await openWorld({ CORS_ALLOWED_ORIGINS: `${origin},https://b.example` });
    world.broker.on('POST /internal/v1/connections/token', { body: payloadFixture() });
    for (const path of ['/v1/token/x', '/v1/token/x?min_validity=x', '/v1/check-connection/unknown']) {
      const response = await world.send('GET', path, { headers: { Origin: origin } });
      expect(response.headers.get('access-control-allow-origin')).toBe(origin);
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
      expect(response.headers.get('vary')).toBe('Origin');
    }
    for (const other of [
      'https://app.example.evil.example',
      'http://app.example',
      'https://app.example:444',
      'null',
      '*',
    ]) {
      const response = await world.send('GET', '/v1/token/x', { headers: { Origin: other } });
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('answers a preflight for a listed origin and nothing for another', async () => {
    await using world = await openWorld({ CORS_ALLOWED_ORIGINS: origin });
    const ask = (from: string, path: string) =>
      world.send('OPTIONS', path, { headers: { Origin: from, 'Access-Control-Request-Method': 'POST' } });
    const allowed = await ask(origin, '/v1/request-connection');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-headers')).toBe('X-API-Key, Content-Type');
    // Sessions are for servers: no page may send a session token or the key of an agent.
    const session = await ask(origin, '/v1/agent-sessions/x/token');
    expect(session.headers.get('access-control-allow-headers')).toBe('X-API-Key, Content-Type');
    expect(allowed.headers.get('access-control-allow-origin')).toBe(origin);
    expect(
      (await ask('https://evil.example', '/v1/request-connection')).headers.get('access-control-allow-origin'),
    ).toBeNull();
    expect((await ask(origin, '/connect/t')).headers.get('access-control-allow-origin')).toBeNull();
    expect(world.broker.calls).toEqual([]);
  });
});

describe('G12: the documentation', () => {
  it('is served in development and absent in production', async () => {
    await using development = await openWorld();
    await using production = await openWorld({ NEXUS_ENV: 'production' });
    for (const path of ['/docs', '/openapi.json', '/assets/docs.css']) {
      expect((await development.send('GET', path)).status).toBe(200);
      expect((await production.send('GET', path)).status).toBe(404);
    }
    expect(await (await development.send('GET', '/openapi.json')).json()).toEqual(buildContract());
    expect((await production.send('GET', '/assets/nexus.css')).status).toBe(200);
  });
});
