/** The life of a connection to one static template's provider, whose server checks what the credential does to a request. */
import { createHash, createHmac } from 'node:crypto';
import { applyStrategy } from '@nexus/strategies/apply';
import type { StoredStrategy } from '@nexus/strategies/strategy';
import type { SeenRequest, SentAnswer } from '@nexus/testkit/local-internet';
import { expect } from 'vitest';
import { type CatalogueWorld, call, requestConnection } from './catalogue-world.js';
import { Faults } from './expect-request.js';
import {
  type Fixture,
  fillApiUrl,
  fillTexts,
  fillUrl,
  readPlaces,
  type TemplateUnderTest,
  toRegistration,
} from './templates.js';

interface Life {
  readonly world: CatalogueWorld;
  readonly under: TemplateUnderTest;
  readonly faults: Faults;
  /** Requests that arrived as the template says. */
  readonly arrived: SeenRequest[];
}

type Expected = NonNullable<TemplateUnderTest['tests']['request']>;

export async function captureAndUse(world: CatalogueWorld, under: TemplateUnderTest): Promise<void> {
  const { broker } = world;
  const { tests, profile } = under;
  const life: Life = { world, under, faults: new Faults(), arrived: [] };
  const registered = await broker.direct('POST', '/admin/v1/providers', toRegistration(under));
  expect(registered, 'the template is registered').toMatchObject({ status: 201, body: { name: under.name } });
  const { connectionId, ticket } = await requestConnection(broker, under);
  const asked = await broker.asGateway('/internal/v1/flows/capture-schema', { state: ticket });
  expect(asked.body['schema'], 'what a person is asked for').toMatchObject(profile.credential_schema ?? {});
  if (profile.probe !== undefined) {
    expect(tests.refused, 'a probe needs the fixture `refused`').toBeDefined();
    serve(life, tests.refused ?? { status: 401, body: {} });
    const refused = await capture(life, ticket);
    expect(refused.body, 'a refused credential').toMatchObject({ code: 'credentials_rejected' });
    expect(life.arrived.length, 'probes').toBe(1);
  }
  serve(life, tests.accepted ?? { status: 200, body: {} });
  expect(await capture(life, ticket), 'the credential is stored').toMatchObject({
    status: 200,
    body: { status: 'success' },
  });
  life.faults.expectNone();
  const read = await call(broker, 'token', connectionId);
  expect(read.status, 'the credential is handed out').toBe(200);
  await use(life, read.body);
  const removed = await broker.asGateway('/internal/v1/connections/delete', { connection: connectionId });
  expect(removed).toMatchObject({ status: 200, body: { status: 'revoked', provider_revoked: false } });
  life.faults.expectNone();
}

function capture({ world, under }: Life, ticket: string) {
  return world.broker.asGateway('/internal/v1/flows/capture', { state: ticket, credentials: under.tests.credentials });
}

/** A request made with the credential as an application would make it. */
async function use({ world, under, arrived, faults }: Life, payload: Readonly<Record<string, unknown>>): Promise<void> {
  const { profile, tests } = under;
  const expected = tests.request;
  expect(expected, 'the template tells what a request looks like').toBeDefined();
  if (expected === undefined) return;
  const before = arrived.length;
  serve({ world, under, arrived, faults }, { status: 200, body: {} }, 'application');
  const { headers, body: asked } = profile.probe ?? {};
  const body = expected.body ?? asked ?? null;
  const request = applyStrategy({
    strategy: payload['strategy'] as StoredStrategy,
    credentials: payload['credentials'] as Record<string, string>,
    request: { method: methodOf(under), url: addressOf(under, expected), headers: { ...headers }, body },
    now: world.broker.nowMs(),
  });
  expect((await world.internet.send(request)).status).toBe(200);
  expect(arrived.length - before, 'requests of the application').toBe(1);
  expect(payload['api_base_url'] ?? null).toBe(
    profile.api_base_url === undefined ? null : fillUrl(profile.api_base_url, readPlaces(under)),
  );
}

function methodOf({ profile, tests }: TemplateUnderTest): string {
  return tests.request?.method ?? profile.probe?.method ?? 'GET';
}

/** The address before the strategy puts the credential into it. */
function addressOf({ profile, ...under }: TemplateUnderTest, expected: Expected): string {
  const strategy = profile.auth_strategy;
  if (strategy?.type === 'path')
    return fillApiUrl(profile.probe?.path ?? '', profile, readPlaces({ profile, ...under }));
  const url = new URL(expected.url);
  if (strategy?.type === 'query_param') url.searchParams.delete(String(strategy.config?.['param_name']));
  return url.href;
}

/** The provider: judges every request by the template, and answers it. */
function serve(
  { world, under, faults, arrived }: Life,
  fixture: Fixture,
  from: 'broker' | 'application' = 'broker',
): void {
  const { tests, profile } = under;
  world.internet.serve((request): SentAnswer => {
    const where = `the request of the ${from}`;
    const expected = tests.request;
    if (request.method !== methodOf(under)) faults.add(`${where} is a ${request.method}`);
    if (expected === undefined) faults.add(`${where} is expected nowhere`);
    else {
      compareAddress(faults, where, request, expected.url);
      const body = expected.body ?? profile.probe?.body ?? '';
      if (request.body !== body) faults.add(`${where}: the body is ${JSON.stringify(request.body)}`);
      const headers = fillTexts(profile.probe?.headers, readPlaces(under));
      if (expected.signed === true) checkSignature(faults, where, request, under);
      else faults.compareHeaders(where, request, { ...headers, ...expected.headers });
    }
    arrived.push(request);
    const text = typeof fixture.body === 'string' ? fixture.body : JSON.stringify(fixture.body);
    return { status: fixture.status, headers: { 'content-type': 'application/json' }, body: text };
  });
}

function compareAddress(faults: Faults, where: string, request: SeenRequest, wanted: string): void {
  const sorted = (url: URL) => {
    const copy = new URL(url);
    copy.searchParams.sort();
    return copy.href;
  };
  if (sorted(request.url) !== sorted(new URL(wanted)))
    faults.add(`${where} goes to ${request.url.href}, not ${wanted}`);
}

/** Computes the signature anew, from what arrived and what the fixture's secret is. */
function checkSignature(
  faults: Faults,
  where: string,
  request: SeenRequest,
  { profile, tests }: TemplateUnderTest,
): void {
  const { type, config = {} } = profile.auth_strategy ?? { type: '' };
  const credentials = tests.credentials ?? {};
  const named = Object.keys(tests.request?.headers ?? {});
  const missing = named.filter((name) => request.headers[name.toLowerCase()] === undefined);
  if (missing.length > 0) faults.add(`${where}: ${missing.join(', ')} is missing`);
  if (type === 'hmac_payload') {
    const secret = credentials[String(config['secret_field'] ?? 'api_secret')] ?? '';
    const encoding = (config['encoding'] ?? 'hex') as 'hex' | 'base64' | 'base64url';
    const wanted = createHmac(String(config['algo'] ?? 'sha256'), secret)
      .update(request.body)
      .digest(encoding);
    faults.compareHeaders(where, request, { [String(config['header_name'])]: wanted });
  } else if (type === 'aws_sigv4') {
    const given = /Signature=([0-9a-f]{64})$/.exec(request.headers['authorization'] ?? '')?.[1];
    if (given !== signAws(request, config, credentials)) faults.add(`${where}: the signature is not right`);
    if ((request.headers['x-amz-security-token'] ?? undefined) !== credentials['session_token']) {
      faults.add(`${where}: the session token is not right`);
    }
  } else faults.add(`${where}: nobody knows how ${type} signs`);
}

/** Signature Version 4 over the headers that the request says are signed. */
function signAws(
  request: SeenRequest,
  config: Readonly<Record<string, unknown>>,
  credentials: Readonly<Record<string, string>>,
): string {
  const stamp = request.headers['x-amz-date'] ?? '';
  const signed = (/SignedHeaders=([^,]+)/.exec(request.headers['authorization'] ?? '')?.[1] ?? '').split(';');
  const lines = signed.map((name) => `${name}:${name === 'host' ? request.url.host : request.headers[name]}\n`);
  const query = [...request.url.searchParams]
    .map((pair) => pair.map(encodeURIComponent).join('='))
    .sort()
    .join('&');
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const canonical = [request.method, request.url.pathname, query, lines.join(''), signed.join(';'), hash(request.body)];
  const scope = [stamp.slice(0, 8), String(config['region']), String(config['service']), 'aws4_request'];
  const text = ['AWS4-HMAC-SHA256', stamp, scope.join('/'), hash(canonical.join('\n'))].join('\n');
  const key = scope.reduce<string | Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${credentials['secret_key']}`,
  );
  return createHmac('sha256', key).update(text).digest('hex');
}
