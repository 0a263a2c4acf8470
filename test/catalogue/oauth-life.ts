/** The life of connections to one template's provider, from its registration to the last deletion. */
import { expect } from 'vitest';
import { type CatalogueWorld, call, requestConnection } from './catalogue-world.js';
import type { Client } from './client-authentication.js';
import type { Grant } from './provider-context.js';
import { createTemplateProvider, type TemplateProvider } from './template-provider.js';
import {
  type Fixture,
  fillUrl,
  readAt,
  readBody,
  readPlaces,
  type TemplateUnderTest,
  toRegistration,
} from './templates.js';
import { lifetimeWithoutExpiry } from './token-answers.js';

const sharedSecret: Client = { id: 'fixture-client.1', secret: 'fixture-secret +/:%' };

interface Life {
  readonly world: CatalogueWorld;
  readonly under: TemplateUnderTest;
  readonly provider: TemplateProvider;
  readonly client: Client;
}

interface Connected {
  readonly connectionId: string;
  readonly grant: Grant;
}

export async function liveThrough(
  world: CatalogueWorld,
  under: TemplateUnderTest,
  client: Client = sharedSecret,
): Promise<void> {
  const { broker, internet } = world;
  const provider = createTemplateProvider(under, { client, nowMs: broker.nowMs });
  internet.serve(provider.site);
  const life: Life = { world, under, provider, client };
  try {
    await register(life);
    const main = await connect(life);
    await checkAccount(life, main);
    await checkToken(life, main, true);
    const isRenewable = main.grant.tokens?.refreshToken !== null;
    if (isRenewable) for (let round = 0; round < 2; round += 1) await refresh(life, main);
    else expect(await call(broker, 'refresh', main.connectionId)).toMatchObject({ body: { code: 'no_refresh_token' } });
    const others = [await connectWithoutExpiry(life)];
    if (under.tests.error !== undefined) {
      others.push(
        isRenewable ? await refuseRefresh(life, under.tests.error) : await refuseExchange(life, under.tests.error),
      );
    }
    const [retryHeader] = under.profile.retry_headers ?? [];
    if (isRenewable && retryHeader !== undefined) others.push(await throttleRefresh(life, retryHeader));
    for (const other of others) if (other !== null) await remove(life, other, false);
    await remove(life, main, true);
  } catch (error) {
    // What the provider did not expect is most often why the Broker's answers were not as expected.
    if (provider.faults.list().length > 0 && error instanceof Error) {
      error.message = `${provider.faults.list().join('\n')}\n${error.message}`;
    }
    throw error;
  }
  provider.faults.expectNone();
}

async function register({ world, under, client }: Life): Promise<void> {
  const secret = under.profile.token_endpoint_auth_method === 'none' ? {} : { client_secret: client.secret };
  const body = { ...toRegistration(under), client_id: client.id, ...secret };
  const created = await world.broker.direct('POST', '/admin/v1/providers', body);
  expect(created, 'it is registered').toMatchObject({ status: 201, body: { name: under.name } });
  const { name, digest } = under.template ?? {};
  expect(created.body['template']).toEqual(name === undefined ? null : { name, digest, overrides: ['client_id'] });
}

/** Begins a connection and has the provider's answer exchanged; returns where the person was sent. */
async function answerFlow({ world, under, provider }: Life, scopes?: readonly string[]) {
  const { broker } = world;
  const { connectionId, ticket } = await requestConnection(broker, under, scopes);
  const opened = await broker.asGateway('/internal/v1/flows/continue', { ticket, cookies: {} });
  expect(opened, 'the person is sent to the provider').toMatchObject({ status: 200 });
  const cookie = opened.body['cookie'] as { readonly suffix: string; readonly value: string };
  const parameters = provider.authorize(String(opened.body['redirect_to']), scopes);
  const back = await broker.asGateway('/internal/v1/flows/callback', {
    provider_name: under.name,
    parameters,
    cookies: { [cookie.suffix]: cookie.value },
  });
  const grant = provider.grants.at(-1);
  expect(back, 'the callback is answered').toMatchObject({ status: 200 });
  if (grant === undefined) throw new Error('nobody consented');
  expect(grant.redirectUri.startsWith(`${broker.publicUrl}/`), grant.redirectUri).toBe(true);
  return { connectionId, grant };
}

async function connect(life: Life, scopes?: readonly string[]): Promise<Connected> {
  const connected = await answerFlow(life, scopes);
  const state = await call(life.world.broker, 'check', connected.connectionId);
  if (state.body['status'] !== 'active') {
    const why = await findEvent(life, 'connection.failed');
    throw new Error(`the connection is not active: ${JSON.stringify([state.body, why])}`);
  }
  return connected;
}

async function checkAccount({ world, under }: Life, { connectionId }: Connected): Promise<void> {
  const { subject, label, values } = under.tests.expect ?? {};
  const state = await call(world.broker, 'check', connectionId);
  const account = (state.body['account'] ?? {}) as {
    readonly subject?: string | null;
    readonly label?: string | null;
    readonly data?: object;
  };
  expect(
    { subject: account.subject ?? null, label: account.label ?? null, data: account.data ?? {} },
    'the account',
  ).toEqual({
    subject: subject ?? account.subject ?? null,
    label: label ?? account.label ?? null,
    data: values ?? account.data ?? {},
  });
}

/** What an application is handed; the fixtures' expectations hold for the first token. */
async function checkToken({ world, under }: Life, { connectionId, grant }: Connected, isFirst: boolean): Promise<void> {
  const { broker } = world;
  const read = await call(broker, 'token', connectionId);
  const { tokens } = grant;
  const base = under.profile.api_base_url;
  const expected = isFirst ? (under.tests.expect ?? {}) : {};
  expect(read, 'the token is handed out').toMatchObject({
    status: 200,
    body: {
      strategy: { type: 'oauth2' },
      credentials: {
        access_token: tokens?.accessToken,
        token_type: under.profile.token_answer?.token_type ?? 'Bearer',
      },
      api_base_url: expected.api_base_url ?? (base === undefined ? null : fillUrl(base, readPlaces(under))),
    },
  });
  if (expected.scope !== undefined) {
    expect(String(read.body['scope']).split(' ').sort(), 'the scope').toEqual(expected.scope.split(' ').sort());
  }
  const expiresAt = read.body['expires_at'];
  const lifetime = tokens?.lifetime ?? null;
  expect(expiresAt === null ? null : Number(expiresAt) - Math.floor(grant.issuedMs / 1_000), 'the lifetime').toBe(
    lifetime,
  );
  if (expected.lifetime !== undefined) expect(lifetime, 'the lifetime of the fixture').toBe(expected.lifetime);
}

async function refresh(life: Life, connected: Connected): Promise<void> {
  const { broker } = life.world;
  const { grant, connectionId } = connected;
  const { refreshes } = grant;
  if (waitBeforeRefresh(life, grant) > 0) {
    const early = await call(broker, 'refresh', connectionId);
    expect(early, 'a refresh that is too early answers what there is').toMatchObject({
      status: 200,
      body: { refreshed: false },
    });
    expect(grant.refreshes).toBe(refreshes);
  }
  broker.advance(Math.max(60, waitBeforeRefresh(life, grant)));
  expect(await call(broker, 'refresh', connectionId), 'the refresh').toMatchObject({
    status: 200,
    body: { refreshed: true },
  });
  expect(grant.refreshes).toBe(refreshes + 1);
  await checkToken(life, connected, false);
}

/** Seconds until the provider takes a refresh for certain; 0 where it does already. */
function waitBeforeRefresh({ world, under }: Life, { issuedMs, tokens }: Grant): number {
  const { earliest = Number.POSITIVE_INFINITY, min_age: minAge = 0 } = under.profile.refresh ?? {};
  const ageSeconds = (world.broker.nowMs() - issuedMs) / 1_000;
  const leftSeconds = (tokens?.lifetime ?? Number.POSITIVE_INFINITY) - ageSeconds;
  const untilEarly = leftSeconds > earliest ? leftSeconds - earliest / 2 : 0;
  return Math.ceil(Math.max(untilEarly, ageSeconds < minAge ? minAge + 1 - ageSeconds : 0));
}

/** An answer that does not say how long its token lives. */
async function connectWithoutExpiry(life: Life): Promise<Connected | null> {
  const { under, provider } = life;
  const fixture = under.tests.missing_expiry;
  if (fixture === undefined) return null;
  provider.enqueue(under.profile.upgrade === undefined ? 'exchange' : 'upgrade', { fixture, isError: false });
  const connected = await connect(life);
  expect(connected.grant.tokens?.lifetime).toBe(lifetimeWithoutExpiry(under));
  await checkToken(life, connected, false);
  return connected;
}

/** A provider that has had enough says how long to wait, in a header of its own. */
async function throttleRefresh(life: Life, header: string): Promise<Connected> {
  const { world, provider } = life;
  const connected = await connect(life);
  world.broker.advance(Math.max(60, waitBeforeRefresh(life, connected.grant)));
  const fixture = { status: 429, body: {} };
  provider.enqueue('refresh', { fixture, isError: true, headers: { [header]: '119.2' } });
  const refused = await call(world.broker, 'refresh', connected.connectionId);
  expect(refused, 'what a caller is told').toMatchObject({ body: { code: 'provider_unavailable' }, retryAfter: 120 });
  return connected;
}

/** Two at least, so that it is seen what stands between them. */
function moreScopes({ under }: Life): readonly string[] {
  return [...(under.profile.scopes ?? []), 'second.scope'];
}

type ErrorFixture = NonNullable<TemplateUnderTest['tests']['error']>;

async function refuseRefresh(life: Life, { class: errorClass, ...fixture }: ErrorFixture): Promise<Connected> {
  const { world, provider } = life;
  const connected = await connect(life, moreScopes(life));
  world.broker.advance(Math.max(60, waitBeforeRefresh(life, connected.grant)));
  provider.enqueue('refresh', { fixture, isError: true });
  const refused = await call(world.broker, 'refresh', connected.connectionId);
  const isFinal = errorClass === 'final';
  expect(refused.body['code'], 'what a caller is told').toBe(isFinal ? 'attention_required' : 'provider_unavailable');
  const state = await call(world.broker, 'check', connected.connectionId);
  expect(state.body, 'the connection').toMatchObject({ status: isFinal ? 'attention' : 'active' });
  const event = await findEvent(life, isFinal ? 'connection.attention' : 'token.refresh_failed');
  expect(event, 'the audit entry').toMatchObject(isFinal ? { reason: 'grant_revoked' } : { class: errorClass });
  checkUpstreamError(life, fixture, event);
  return connected;
}

async function refuseExchange(life: Life, { class: _, ...fixture }: ErrorFixture): Promise<null> {
  life.provider.enqueue('exchange', { fixture, isError: true });
  const { connectionId } = await answerFlow(life, moreScopes(life));
  const state = await call(life.world.broker, 'check', connectionId);
  expect(state.body).toMatchObject({ status: 'failed', reason: { code: 'exchange_failed' } });
  checkUpstreamError(life, fixture, await findEvent(life, 'connection.failed'));
  return null;
}

/** The code that stands where the template says has been understood. */
function checkUpstreamError({ under: { profile } }: Life, fixture: Fixture, event: object): void {
  const body = readBody(fixture, profile);
  const code = readAt(body, profile.token_answer?.error_path ?? 'error') ?? readAt(body, 'error');
  if (code !== undefined)
    expect(event, 'the error code in the audit entry').toMatchObject({ upstream_error: String(code) });
}

async function remove({ world, under }: Life, { connectionId, grant }: Connected, isLast: boolean): Promise<void> {
  const asked = { connection: connectionId };
  const removed = await world.broker.asGateway('/internal/v1/connections/delete', asked);
  expect(removed, 'the connection is deleted').toMatchObject({ status: 200, body: { status: 'revoked' } });
  if (!isLast) return;
  const recipe = under.profile.revoke ?? {};
  const via = recipe.via ?? 'rfc7009';
  const isPossible = via === 'http' || (via === 'rfc7009' && under.profile.revocation_endpoint !== undefined);
  expect(removed.body, 'whether the provider took it back').toMatchObject(
    isPossible ? { provider_revoked: true } : { provider_revoked: false, provider_revocation_error: 'unsupported' },
  );
  const hasRefreshToken = grant.tokens?.refreshToken !== null && under.profile.refresh?.sends !== 'access_token';
  const standard = hasRefreshToken ? ['refresh_token', 'access_token'] : ['access_token'];
  const wanted = via === 'http' ? [recipe.request?.token ?? 'access_token'] : standard;
  expect(grant.revoked, 'what the provider was asked to take back').toEqual(isPossible ? wanted : []);
}

async function findEvent({ world, under }: Life, eventType: string): Promise<object> {
  const found = await world.broker.direct('GET', `/audit?event_type=${eventType}&limit=20`);
  const own = (found.body['events'] as readonly { readonly provider_name?: string; readonly data: object }[]).find(
    (event) => event.provider_name === under.name,
  );
  return own?.data ?? {};
}
