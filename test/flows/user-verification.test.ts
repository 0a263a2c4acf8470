import { type Script, type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readThrough, summarise } from '../support/agents.js';
import { type Requested, readAudit } from '../support/fixtures.js';
import { engines } from '../support/stack.js';
import { startUserTokenWorld, type UserTokenWorld } from '../support/user-token-world.js';

const ada = { user_id: 'ada', tenant_id: 'acme', clearance_level: 2, permissions: ['read', 'write'] };

function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}

let tokens = 0;
function createOpaqueToken(): string {
  tokens += 1;
  return `opaque-token-${tokens}-of-somebody`;
}

describe.each(engines)('a user whom the verification endpoint knows, on %s', (engine) => {
  let endpoint: ScriptedProvider;
  let world: UserTokenWorld;
  let connection: Requested;

  beforeAll(async () => {
    endpoint = await startScriptedProvider();
    world = await startUserTokenWorld(engine, { USER_VERIFICATION_URL: endpoint.url('/verify') });
    connection = await world.connect('ada');
  });
  afterAll(async () => {
    await world.close();
    await endpoint.close();
  });
  beforeEach(() => know());

  function know(changes: Readonly<Record<string, unknown>> = {}): void {
    endpoint.answer('/verify', { body: { ...ada, ...changes } });
  }
  const ask = (body: object = {}) => world.ask(connection, createOpaqueToken(), { ...body });

  it('is asked for with the token alone, and acted for as it says', async () => {
    const token = createOpaqueToken();
    const before = endpoint.requests().length;
    const opened = await world.ask(connection, token);
    expect(opened.status).toBe(201);
    expect(opened.body).toMatchObject({
      connection_ref: connection.connection_ref,
      scopes_granted: world.scopes,
      obo: true,
      acting_for: 'ada',
      tenant_id: 'acme',
      clearance_level: 2,
    });
    expect((await readThrough(world.stack, opened.body)).status).toBe(200);
    const requests = endpoint.requests().slice(before);
    expect(requests.map(({ method, path, query, body }) => [method, path, [...query], body])).toEqual([
      ['POST', '/verify', [], JSON.stringify({ token })],
    ]);
    expect(requests[0]?.headers['content-type']).toBe('application/json');
    expect(JSON.stringify(requests[0]?.headers)).not.toMatch(/nx[a-z]_|authorization|cookie/);

    const events = await readAudit(world.stack, connection.connection_ref);
    expect(events.find(({ session_id }) => session_id === opened.body.session_id)).toMatchObject({
      event_type: 'session.created',
      acting_for: 'ada',
      workspace_id: 'ada',
      data: {
        sub: { iss: endpoint.url('/verify'), sub: 'ada' },
        act: { sub: world.agent.agentId },
        tenant_id: 'acme',
        clearance_level: 2,
        user_token_expires_at: expect.any(Number),
      },
    });
    expect(JSON.stringify(events)).not.toContain(token);
    expect(world.stack.logs()).not.toContain(token);
  });

  it('is asked for anew each time: whether a token may be used again is for the endpoint to say', async () => {
    const token = createOpaqueToken();
    const before = endpoint.requests().length;
    expect(summarise(await world.ask(connection, token))).toBe('201');
    know({ clearance_level: 0, tenant_id: null });
    expect((await world.ask(connection, token)).body).toMatchObject({ tenant_id: null, clearance_level: 0 });
    endpoint.answer('/verify', { status: 401 });
    expect(summarise(await world.ask(connection, token))).toBe('401 invalid_user_context_token');
    expect(endpoint.requests()).toHaveLength(before + 3);
  });

  it('B11: may delegate no more than the endpoint permits', async () => {
    know({ permissions: ['read'] });
    expect(summarise(await ask({ scopes: ['read'] }))).toBe('201');
    expect(summarise(await ask())).toBe('403 user_not_authorized_for_scope');
    know({ permissions: [] });
    expect(summarise(await ask({ scopes: ['read'] }))).toBe('403 user_not_authorized_for_scope');
    know({ permissions: ['read', 'admin', 'delete'] });
    expect(summarise(await ask({ scopes: ['delete'] }))).toBe('403 scope_not_allowed');
    expect(summarise(await ask({ scopes: ['admin'] }))).toBe('403 scope_not_granted');
  });

  it('B11: reaches the connections of the workspace that the endpoint names, and no other', async () => {
    const theirs = await world.connect('eve');
    expect(summarise(await world.ask(theirs, createOpaqueToken()))).toBe('404 connection_not_found');
    const byName = { connection_id: undefined, provider_name: world.provider.name };
    expect((await ask(byName)).body.connection_ref).toBe(connection.connection_ref);
    expect(summarise(await ask({ ...byName, workspace_id: 'eve' }))).toBe('403 forbidden');
    know({ user_id: 'eve' });
    expect((await ask(byName)).body.connection_ref).toBe(theirs.connection_ref);
  });

  it.each([
    ['RFC 3339', (end: number) => new Date(end * 1_000).toISOString()],
    ['RFC 3339 in another zone', (end: number) => new Date((end + 7_200) * 1_000).toISOString().replace('Z', '+02:00')],
    ['Unix seconds', (end: number) => end],
  ])('B11: bounds the session by expires_at in %s', async (_form, write) => {
    const end = inSeconds(60);
    know({ expires_at: write(end) });
    expect(Date.parse((await ask({ ttl_seconds: 3_600 })).body.expires_at)).toBe(end * 1_000);
    know({ expires_at: write(inSeconds(7_200)) });
    const opened = await ask({ ttl_seconds: 3_600 });
    expect(Date.parse(opened.body.expires_at)).toBeGreaterThan(Date.now() + 3_500_000);
    know({ expires_at: write(inSeconds(-1)) });
    const refused = await ask();
    expect(summarise(refused)).toBe('401 invalid_user_context_token');
    expect((await world.findRefusal(refused)).data.cause).toBe('expired');
  });

  it.each([{}, { expires_at: null }])('B11: gets fifteen minutes where it tells no end, %o', async (changes) => {
    know(changes);
    const opened = await ask({ ttl_seconds: 3_600 });
    const end = Date.parse(opened.body.expires_at);
    expect(end).toBeLessThanOrEqual(Date.now() + 900_000);
    expect(end).toBeGreaterThan(Date.now() + 850_000);
  });

  it.each([401, 403, 404, 422])('is nobody when it answers %i', async (status) => {
    endpoint.answer('/verify', { status, body: { ...ada, note: 'not-for-the-caller' } });
    const refused = await ask();
    expect(summarise(refused)).toBe('401 invalid_user_context_token');
    expect(JSON.stringify(refused.body)).not.toContain('not-for-the-caller');
    expect((await world.findRefusal(refused)).data).toMatchObject({
      code: 'invalid_user_context_token',
      cause: 'refused_by_endpoint',
    });
  });

  it.each<readonly [string, () => Script]>([
    ['fails', () => ({ status: 500, body: ada })],
    ['is not ready', () => ({ status: 503, headers: { 'retry-after': '7' } })],
    ['hangs up', () => ({ drop: 'before' })],
    ['breaks off', () => ({ body: ada, drop: 'midway' })],
    ['never answers', () => ({ endless: 'silent' })],
    ['answers with a page', () => ({ headers: { 'content-type': 'text/html' }, body: '<!doctype html><p>Hello' })],
    [
      'answers with broken JSON',
      () => ({ headers: { 'content-type': 'application/json' }, body: '{"user_id":"ada",' }),
    ],
    ['answers with a list', () => ({ body: [ada] })],
    ['answers with another success', () => ({ status: 201, body: ada })],
    ['sends elsewhere', () => ({ status: 307, headers: { location: endpoint.url('/moved') } })],
    ['names no user', () => ({ body: { ...ada, user_id: undefined } })],
    ['names an empty user', () => ({ body: { ...ada, user_id: '' } })],
    ['names no tenant', () => ({ body: { ...ada, tenant_id: undefined } })],
    ['names no clearance', () => ({ body: { ...ada, clearance_level: undefined } })],
    ['writes the clearance as text', () => ({ body: { ...ada, clearance_level: '9' } })],
    ['names no permissions', () => ({ body: { ...ada, permissions: undefined } })],
    ['writes the permissions as text', () => ({ body: { ...ada, permissions: 'read write' } })],
    ['tells no real end', () => ({ body: { ...ada, expires_at: 'tomorrow' } })],
  ])('is neither believed nor blamed when the endpoint %s', async (what, script) => {
    endpoint.answer('/moved', { body: ada });
    endpoint.answer('/verify', script());
    const refused = await ask();
    expect(summarise(refused)).toBe('503 user_verification_unavailable');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(what === 'is not ready' ? 7 : 1);
    expect((await world.findRefusal(refused)).data.code).toBe('user_verification_unavailable');
    expect(endpoint.requests('/moved')).toEqual([]);
    know();
    expect(summarise(await ask())).toBe('201');
  });

  it('loses every session at once by one call', async () => {
    know({ user_id: 'zoe' });
    const theirs = await world.connect('zoe');
    const opened = [];
    for (const _ of [1, 2]) opened.push((await world.ask(theirs, createOpaqueToken())).body);
    know();
    const other = (await ask()).body;
    const body = { issuer: endpoint.url('/verify'), sub: 'zoe' };
    expect((await world.stack.broker('POST', '/admin/v1/sessions/close', { body })).body).toEqual({ closed: 2 });
    const reads = await Promise.all([...opened, other].map((session) => readThrough(world.stack, session)));
    expect(reads.map(summarise)).toEqual(['401 invalid_session_token', '401 invalid_session_token', '200']);
  });
});

describe.each(engines)('a verification endpoint that speaks of tenants, on %s', (engine) => {
  let endpoint: ScriptedProvider;
  let world: UserTokenWorld;

  beforeAll(async () => {
    endpoint = await startScriptedProvider();
    world = await startUserTokenWorld(engine, {
      USER_VERIFICATION_URL: endpoint.url('/verify'),
      USER_VERIFICATION_WORKSPACE_FROM: 'tenant',
      USER_VERIFICATION_WORKSPACE_PREFIX: 'tenant:',
    });
  });
  afterAll(async () => {
    await world.close();
    await endpoint.close();
  });

  it('leads every user of a tenant to its workspace, and nobody without one anywhere', async () => {
    const connection = await world.connect('tenant:acme');
    const outcomes = [];
    for (const user of [{}, { user_id: 'bob' }, { tenant_id: 'other' }, { tenant_id: null }]) {
      endpoint.answer('/verify', { body: { ...ada, ...user } });
      const answer = await world.ask(connection, createOpaqueToken());
      outcomes.push([summarise(answer), answer.body.acting_for]);
    }
    expect(outcomes).toEqual([
      ['201', 'ada'],
      ['201', 'bob'],
      ['404 connection_not_found', undefined],
      ['401 invalid_user_context_token', undefined],
    ]);
  });

  it('B11: shares neither its prefix nor its address with an issuer that is registered', async () => {
    const keys = { jwks_uri: endpoint.url('/jwks'), audience: 'nexus' };
    const create = async (body: object) =>
      summarise(await world.stack.broker('POST', '/admin/v1/issuers', { body: { ...keys, ...body } }));
    expect(await create({ issuer: endpoint.origin, workspace_prefix: 'tenant:' })).toBe('409 issuer_exists');
    expect(await create({ issuer: endpoint.url('/verify'), workspace_prefix: 'x:' })).toBe('409 issuer_exists');
    expect(await create({ issuer: endpoint.origin, workspace_prefix: 'x:' })).toBe('201');
  });
});

describe.each(engines)('without a verification endpoint, on %s', (engine) => {
  let world: UserTokenWorld;
  beforeAll(async () => {
    world = await startUserTokenWorld(engine);
  });
  afterAll(() => world.close());

  it('an opaque token is nobody’s', async () => {
    const connection = await world.connect('ada');
    const refused = await world.ask(connection, createOpaqueToken());
    expect(summarise(refused)).toBe('401 invalid_user_context_token');
    expect((await world.findRefusal(refused)).data.cause).toBe('malformed');
  });
});
