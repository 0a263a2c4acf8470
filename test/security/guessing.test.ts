import { createToken } from '@nexus/core/tokens';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey, type Requested, registerStaticProvider, requestConnection } from '../support/fixtures.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';

const allowance = 100;
const flood = 2_000;

describe.each(engines)('guessing on %s', (engine) => {
  let stack: Stack;
  let requested: Requested;
  let operatorKey: string;
  let sources = 0;

  beforeAll(async () => {
    stack = await startStack({ engine, brokerEnv: { REFUSED_KEY_LIMIT: String(allowance) } });
    await registerStaticProvider(stack);
    requested = await requestConnection(stack, { provider_name: 'acme-key' });
    await stack.gateway('POST', '/v1/capture-credential', {
      body: { state: requested.state, credentials: { api_key: 'fixture-static-key' } },
    });
    operatorKey = (await createKey(stack, 'operator')).key;
  });
  afterAll(() => stack.close());

  /** One request to the Broker as the Gateway makes it for a caller at `source`. */
  async function askAs(
    source: string,
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(stack.brokerUrl + path, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'X-API-Key': stack.gatewayKey,
        'X-Nexus-Caller-Ip': source,
        ...headers,
      },
      body: JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }
  const readToken = (source: string, id: string) =>
    askAs(source, '/internal/v1/connections/token', { connection_id: id });

  function nextSource(): string {
    sources += 1;
    return `203.0.113.${sources}`;
  }

  it(`B1: an address may miss ${allowance} times a minute; a known id is answered all the same, and other addresses too`, async () => {
    const source = nextSource();
    for (let miss = 0; miss < allowance; miss++) {
      const answer = await readToken(source, miss % 2 === 0 ? createToken('nxc') : `nxc_guess${miss}`);
      expect([answer.status, answer.body.code]).toEqual([404, 'connection_not_found']);
    }
    const limited = await readToken(source, createToken('nxc'));
    expect([limited.status, limited.body.code]).toEqual([429, 'rate_limited']);
    const retryAfter = Number(limited.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThanOrEqual(60);
    expect((await readToken(source, requested.connection_id)).status).toBe(200);
    expect((await readToken(nextSource(), createToken('nxc'))).status).toBe(404);
  });

  it('B1: the limit is the same over every route that takes an id, and through the Gateway', async () => {
    const paths = ['/v1/check-connection/', '/v1/token/', '/v1/refresh/'];
    const statuses: number[] = [];
    for (let miss = 0; miss <= allowance; miss++) {
      const path = paths[miss % paths.length] ?? '';
      const method = path === '/v1/refresh/' ? 'POST' : 'GET';
      statuses.push((await stack.gateway(method, path + createToken('nxc'))).status);
    }
    expect(statuses.slice(0, allowance).every((status) => status === 404)).toBe(true);
    expect(statuses.at(-1)).toBe(429);
    expect((await stack.gateway('GET', `/v1/token/${requested.connection_id}`)).status).toBe(200);
    expect((await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`)).status).toBe(200);
  });

  it('B1: an id that is malformed, of another kind or merely like a real one gets the very same answer', async () => {
    const source = nextSource();
    const real = requested.connection_id;
    const wrong = [
      createToken('nxc'),
      createToken('nxt'),
      requested.state,
      requested.connection_ref,
      real.slice(0, -1),
      `${real}x`,
      real.toUpperCase(),
      `${real.slice(0, -1)}${real.endsWith('0') ? '1' : '0'}`,
      ' ',
      '%',
      "' or 1=1 --",
      'x'.repeat(128),
    ];
    const answers = await Promise.all(wrong.map((id) => readToken(source, id)));
    const [first] = answers;
    for (const answer of answers) {
      expect(answer.status).toBe(404);
      expect({ ...answer.body, request_id: '' }).toEqual({ ...first?.body, request_id: '' });
    }
  });

  it('B17: refused keys are limited per address, and a valid key works through a flood of them', async () => {
    const bad = () => fetch(`${stack.gatewayUrl}/v1/providers`, { headers: { 'X-API-Key': createToken('nxa') } });
    const statuses: number[] = [];
    const valid: number[] = [];
    const startedAt = Date.now();
    for (let sent = 0; sent < flood; sent += 50) {
      const [good, ...refused] = await Promise.all([
        stack.gateway('GET', '/v1/providers', { key: operatorKey }),
        ...Array.from({ length: 50 }, async () => {
          const answer = await bad();
          await answer.body?.cancel();
          return answer.status;
        }),
      ]);
      valid.push(good.status);
      statuses.push(...refused);
    }
    expect(valid.every((status) => status === 200)).toBe(true);
    expect(statuses).toHaveLength(flood);
    expect(statuses.every((status) => status === 401 || status === 429)).toBe(true);
    const minutes = Math.floor((Date.now() - startedAt) / 60_000) + 2;
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(allowance * minutes);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
    expect((await stack.broker('GET', '/admin/v1/status')).status).toBe(200);
    expect((await stack.gateway('GET', `/v1/token/${requested.connection_id}`)).status).toBe(200);
  });

  it('anonymous callers may leave only so many links open; a key goes on', async () => {
    const source = nextSource();
    const body = { workspace_id: 'w', provider_name: 'acme-key', return_url: 'http://127.0.0.1:1/return' };
    const open = (headers: Record<string, string> = {}) =>
      askAs(source, '/internal/v1/connections/request', body, headers);
    for (let batch = 0; batch < 10; batch++) {
      const answers = await Promise.all(Array.from({ length: 100 }, () => open()));
      expect(answers.filter((answer) => answer.status !== 200)).toEqual([]);
    }
    const refused = await open();
    expect([refused.status, refused.body.code]).toEqual([429, 'rate_limited']);
    expect(refused.headers.get('retry-after')).not.toBeNull();
    expect((await open({ 'X-Nexus-Caller-Key': (await createKey(stack, 'app')).key })).status).toBe(200);
    expect((await askAs(nextSource(), '/internal/v1/connections/request', body)).status).toBe(200);
  });
});
