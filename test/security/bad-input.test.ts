import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSeededRandom } from '../support/seeded-random.js';
import { runSql } from '../support/sql.js';
import { engines, type Stack } from '../support/stack.js';
import { type BadRequest, brokenBodies, json, mutate, wrongContentTypes } from './bad-input-corpus.js';
import { type BadInputTarget, findFault, type Service, startBadInputTarget } from './bad-input-target.js';
import { brokerOperations, gatewayOperations, type Operation } from './route-matrix.js';

/** Requests made up for each operation; NEXUS_FUZZ_SEED repeats a run, NEXUS_FUZZ_INVENTIONS makes it longer. */
const inventions = Number(process.env['NEXUS_FUZZ_INVENTIONS'] ?? 28);
const seed = Number(process.env['NEXUS_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

describe.each(engines)('bad input on %s', (engine) => {
  let target: BadInputTarget;
  let stack: Stack;

  beforeAll(async () => {
    target = await startBadInputTarget(engine);
    ({ stack } = target);
  });
  afterAll(() => target.close());

  const send = (service: Service, request: BadRequest) => target.send(service, request);

  async function expectRefusal(service: Service, request: BadRequest, status: number, what: string): Promise<void> {
    const seen = await send(service, request);
    expect([what, seen.status, findFault(seen)]).toEqual([what, status, null]);
  }

  const services: readonly (readonly [Service, readonly Operation[]])[] = [
    ['gateway', gatewayOperations],
    ['broker', brokerOperations],
  ];
  const withBody = services.flatMap(([service, operations]) =>
    operations
      .filter(({ body, access }) => body !== undefined && access !== 'client')
      .map((operation) => [`${service} ${operation.id}`, service, operation] as const),
  );

  it.each(withBody)('G2, G3, B13: %s refuses every body that is broken', async (_name, service, operation) => {
    const { method, path } = target.atReal(operation);
    for (const [what, body] of Object.entries(brokenBodies)) {
      await expectRefusal(service, { method, path, headers: json, body }, 400, what);
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each(withBody)('G1, G4: %s refuses other content types, codings and sizes', async (_name, service, operation) => {
    const { method, path } = operation;
    const body = JSON.stringify(operation.body);
    for (const type of wrongContentTypes) {
      await expectRefusal(service, { method, path, headers: { 'content-type': type }, body }, 415, type);
    }
    await expectRefusal(service, { method, path, headers: {}, body }, 415, 'none');
    await expectRefusal(service, { method, path, headers: { ...json, 'content-encoding': 'gzip' }, body }, 415, 'gzip');
    const large = JSON.stringify({ padding: 'x'.repeat(65_536) });
    await expectRefusal(service, { method, path, headers: json, body: large }, 413, 'large');
    await expectRefusal(service, { method, path, headers: json, body: null }, 400, 'no body');
  });

  it.each(withBody)('B13: %s refuses fields it does not know, and names them', async (_name, service, operation) => {
    const { method, path, body } = target.atReal(operation);
    for (const field of ['constructor', 'prototype', 'is_admin', 'Role', 'hasOwnProperty']) {
      const text = JSON.stringify({ ...(body as object), [field]: { admin: true } });
      const seen = await send(service, { method, path, headers: json, body: text });
      expect([field, findFault(seen)]).toEqual([field, null]);
      expect([field, seen.status]).toEqual([field, 400]);
      expect(seen.text).toContain(field);
    }
  });

  it.each(services)('B14: path tricks at the %s reach no protected route and break nothing', async (service) => {
    const targets =
      service === 'gateway'
        ? ['/v1/providers', '/v1/connections']
        : ['/admin/v1/keys', '/audit', '/internal/v1/flows/view'];
    const tricks = targets.flatMap((path) => [
      `/${path}`,
      path.replace('/', '//'),
      `/.${path}`,
      `/x/..${path}`,
      `/x/%2e%2e${path}`,
      path.toUpperCase(),
      path.replace(/\/(\w)/, '/%$1'),
      `${path}/`,
      `${path}//`,
      `${path}/.`,
      `${path}/..`,
      `${path}%2f`,
      `${path}%00`,
      `${path}%20`,
      `${path};x=1`,
      `${path}.json`,
      `/healthz/..${path}`,
      `/healthz%2f..${path}`,
      `/healthz;${path}`,
      `/%5c${path.slice(1)}`,
      `/${path.slice(1).replaceAll('/', '%2f')}`,
      `${path.replace('v1', '%76%31')}`,
    ]);
    for (const path of tricks) {
      const { statusCode, headers, body } = await target.pools[service].request({ method: 'GET', path });
      const seen = { path, status: statusCode, contentType: String(headers['content-type']), text: await body.text() };
      expect([path, findFault(seen), [400, 401, 404, 405].includes(seen.status)]).toEqual([path, null, true]);
    }
  });

  it.each(services)('B14: headers that other software obeys change no decision at the %s', async (service) => {
    const path = service === 'gateway' ? '/v1/providers' : '/admin/v1/keys';
    const tricks: Record<string, string>[] = [
      { 'x-http-method-override': 'OPTIONS' },
      { 'x-original-url': '/healthz' },
      { 'x-rewrite-url': '/healthz' },
      { 'x-forwarded-for': '127.0.0.1' },
      { 'x-forwarded-host': 'localhost' },
      { 'x-forwarded-proto': 'https' },
      { x_forwarded_for: '127.0.0.1' },
      { forwarded: 'for=127.0.0.1' },
      { authorization: `Bearer ${stack.adminKey}` },
      { cookie: `x-api-key=${stack.adminKey}` },
      { x_api_key: stack.adminKey },
    ];
    for (const headers of tricks) {
      const answer = await target.pools[service].request({ method: 'GET', path, headers });
      expect([headers, answer.statusCode]).toEqual([headers, 401]);
      await answer.body.dump();
    }
  });

  it('K13: SQL in every text a query takes is data: nothing is found, changed or slow', async () => {
    const count = async () => {
      const tables = ['connection', 'flow', 'provider', 'api_key', 'return_origin', 'agent', 'agent_session'];
      return Promise.all(
        tables.map(async (table) => (await runSql(stack, `select count(*) as n from ${table}`))[0]?.['n']),
      );
    };
    const before = await count();
    const payloads = [
      "' or '1'='1",
      "'; delete from connection; --",
      "x' union select id_hash from connection --",
      "%' or 1=1 --",
    ];
    const filters = [
      'workspace_id',
      'provider_name',
      'requested_by',
      'cursor',
      'actor',
      'connection_ref',
      'resource_id',
      'agent_id',
    ];
    const sessionFilters = ['agent_id', 'connection_ref', 'key_id', 'issuer', 'cursor'];
    for (const payload of payloads) {
      const text = encodeURIComponent(payload);
      for (const filter of filters) {
        for (const path of [`/admin/v1/connections?${filter}=${text}`, `/audit?${filter}=${text}&event_type=${text}`]) {
          const seen = await send('broker', { method: 'GET', path, headers: {}, body: null });
          expect([path, findFault(seen)]).toEqual([path, null]);
          if (path.startsWith('/audit')) expect(JSON.parse(seen.text).events ?? []).toEqual([]);
        }
      }
      for (const filter of sessionFilters) {
        const path = `/admin/v1/sessions?${filter}=${text}`;
        const seen = await send('broker', { method: 'GET', path, headers: {}, body: null });
        expect([path, findFault(seen)]).toEqual([path, null]);
        if (filter !== 'cursor') expect(JSON.parse(seen.text).sessions).toEqual([]);
      }
      for (const path of [`/admin/v1/connections/${text}`, `/admin/v1/providers/${text}`, `/admin/v1/keys/${text}`]) {
        const seen = await send('broker', {
          method: path.includes('keys') ? 'DELETE' : 'GET',
          path,
          headers: {},
          body: null,
        });
        expect([path, seen.status]).toEqual([path, 404]);
      }
    }
    expect(await count()).toEqual(before);
  });

  it.each(['%00', 'a%00b', '%ff%fe', '%ED%A0%80', '%C0%80', '%E2%80%AE'])(
    'G3: %s in a query or path is a refusal or a miss',
    async (bytes) => {
      const paths = [
        ...['workspace_id', 'provider_name', 'requested_by', 'cursor', 'status'].map(
          (name) => `/admin/v1/connections?${name}=${bytes}`,
        ),
        ...['actor', 'workspace_id', 'connection_ref', 'event_type', 'cursor', 'since'].map(
          (name) => `/audit?${name}=${bytes}`,
        ),
        `/admin/v1/connections/${bytes}`,
        `/admin/v1/providers/${bytes}`,
      ];
      for (const path of paths) {
        const seen = await send('broker', { method: 'GET', path, headers: {}, body: null });
        expect([path, findFault(seen)]).toEqual([path, null]);
      }
      for (const path of [
        `/v1/token/${bytes}`,
        `/v1/providers/${bytes}`,
        `/v1/resolve?workspace_id=${bytes}&provider_name=acme-key`,
        `/v1/capture-schema?provider_name=${bytes}`,
        `/connect/${bytes}`,
        `/auth/callback/${bytes}?state=${bytes}&code=${bytes}`,
      ]) {
        const seen = await send('gateway', { method: 'GET', path, headers: {}, body: null });
        expect([path, findFault(seen), seen.status >= 400]).toEqual([path, null, true]);
      }
    },
  );

  const title = `G6, G11: ${inventions} inventions at each operation are answered in the contract's way (seed ${seed})`;
  it(title, { timeout: 30_000 + inventions * 1_000 }, async () => {
    const random = createSeededRandom(seed);
    const faults: string[] = [];
    let sent = 0;
    for (const [service, operations] of services) {
      for (const operation of operations) {
        const requests = Array.from({ length: inventions }, () =>
          mutate(random.next() < 0.5 ? target.atReal(operation) : operation, random),
        );
        const answers = await Promise.all(requests.map((request) => send(service, request)));
        sent += answers.length;
        for (const [index, seen] of answers.entries()) {
          const fault = findFault(seen);
          if (fault !== null) faults.push(`${operation.id}: ${JSON.stringify(requests[index])} -> ${fault}`);
        }
      }
    }
    expect(faults.slice(0, 10)).toEqual([]);
    expect(sent).toBe(inventions * (gatewayOperations.length + brokerOperations.length));
    expect((await stack.gateway('GET', '/v1/health')).status).toBe(200);
    expect((await stack.gateway('GET', `/v1/token/${target.connectionId}`)).status).toBe(200);
  });
});
