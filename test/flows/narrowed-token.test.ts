import type { RunningOpenidProvider } from '@nexus/testkit/openid-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expireSession,
  type OpenedSession,
  openSession,
  readThrough,
  registerAgent,
  summarise,
  type TestAgent,
} from '../support/agents.js';
import { type Requested, readAudit, registerOpenidProvider, requestConnection } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { runSql } from '../support/sql.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';
import { startUserIssuer } from '../support/user-issuer.js';
import { waitFor } from '../support/wait.js';

const allScopes = ['openid', 'email', 'profile'];

describe.each(engines)('a session narrower than its connection on %s', (engine) => {
  let stack: Stack;
  /** Narrows on refresh; a revocation there ends the whole grant. */
  let narrowing: RunningOpenidProvider;
  let narrowingId: string;
  /** Narrows on refresh; a revocation there kills that token alone. */
  let precise: ScriptedOauth;
  /** Says nothing of narrowing. */
  let plain: RunningOpenidProvider;
  let agent: TestAgent;

  beforeAll(async () => {
    stack = await startStack({ engine });
    const downscope = { via: 'refresh' };
    const registered = await registerOpenidProvider(stack, { name: 'narrowing', profile: { downscope } });
    ({ provider: narrowing, providerId: narrowingId } = registered);
    const profile = { scopes: ['read', 'write'], downscope, revoke: { kills: 'token' } };
    precise = await registerScriptedOauth(stack, { name: 'precise', profile });
    ({ provider: plain } = await registerOpenidProvider(stack, { name: 'plain' }));
    agent = await registerAgent(stack, { allowed_scopes: [...allScopes, 'offline_access', 'read', 'write'] });
  });
  afterAll(async () => {
    await stack.close();
    await narrowing.close();
    await precise.close();
    await plain.close();
  });

  async function connect(provider_name: string, login: string): Promise<Requested> {
    const requested = await requestConnection(stack, { provider_name });
    await new Person(stack.gatewayUrl).connect(
      requested.auth_url,
      provider_name === 'plain' ? plain : narrowing,
      login,
    );
    return requested;
  }
  const open = ({ connection_id }: Requested, scopes: readonly string[]) =>
    openSession(stack, agent, { connection_id, scopes });
  const ownToken = async ({ connection_id }: Requested): Promise<string> =>
    (await stack.gateway('GET', `/v1/token/${connection_id}`)).body.credentials.access_token;
  const close = ({ session_id }: OpenedSession, key = agent.key) =>
    stack.gateway('DELETE', `/v1/agent-sessions/${session_id}`, { key });

  it("reads a token that shows only the session's scopes at the provider, and leaves the connection's own alone", async () => {
    const connection = await connect('narrowing', 'ada');
    const wide = await ownToken(connection);
    const session = await open(connection, ['openid', 'email']);
    const read = await readThrough(stack, session);
    expect(read.status).toBe(200);
    expect(read.body.narrowed).toBe(true);
    const narrow = read.body.credentials.access_token;
    expect(narrow).not.toBe(wide);
    expect(read.body.scope.split(' ').sort()).toEqual(['email', 'openid']);
    const seen = await narrowing.introspect(narrow);
    expect(seen['active']).toBe(true);
    expect(String(seen['scope']).split(' ').sort()).toEqual(['email', 'openid']);
    const own = await narrowing.introspect(await ownToken(connection));
    expect(await ownToken(connection)).toBe(wide);
    expect(own['active']).toBe(true);
    expect(String(own['scope']).split(' ')).toEqual(expect.arrayContaining(allScopes));
    const userinfo = await fetch(`${narrowing.issuer}/me`, { headers: { Authorization: `Bearer ${narrow}` } });
    expect(Object.keys((await userinfo.json()) as object).sort()).toEqual(['email', 'sub']);
  });

  it('mints once for a session, whoever reads it, and not at all for one as wide as the connection', async () => {
    const connection = await connect('narrowing', 'bob');
    const before = narrowing.tokenRequests().token['refresh_token'] ?? 0;
    const session = await open(connection, ['openid']);
    const reads = await Promise.all(Array.from({ length: 12 }, () => readThrough(stack, session)));
    expect(new Set(reads.map(({ body }) => body.credentials.access_token)).size).toBe(1);
    expect((await readThrough(stack, session)).body.credentials).toEqual(reads[0]?.body.credentials);
    const exact = await readThrough(stack, await open(connection, allScopes));
    expect(exact.body).toMatchObject({ narrowed: false, credentials: { access_token: await ownToken(connection) } });
    expect(narrowing.tokenRequests().token['refresh_token']).toBe(before + 1);
  });

  it('mints another in place of a stored one that was altered, and records it', async () => {
    const connection = await connect('narrowing', 'berta');
    const session = await open(connection, ['openid']);
    const first = await readThrough(stack, session);
    const [row] = await runSql(stack, 'select sealed_token from agent_session where session_id = ?', [
      session.session_id,
    ]);
    const altered = Buffer.from(row?.['sealed_token'] as Uint8Array);
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
    const value = engine === 'postgres' ? `'\\x${altered.toString('hex')}'` : `x'${altered.toString('hex')}'`;
    await runSql(stack, `update agent_session set sealed_token = ${value} where session_id = ?`, [session.session_id]);
    const second = await readThrough(stack, session);
    expect(second.status).toBe(200);
    expect(second.body.credentials.access_token).not.toBe(first.body.credentials.access_token);
    const entries = await readAudit(stack, connection.connection_ref);
    const ofSession = entries.filter(({ session_id }) => session_id === session.session_id);
    expect(ofSession.map(({ event_type }) => event_type)).toEqual([
      'session.created',
      'token.narrowed',
      'session.token_stored',
      'token.retrieved',
      'session.token_damaged',
      'token.narrowed',
      'session.token_stored',
      'token.retrieved',
    ]);
  });

  it('leaves a rotated refresh token with the connection: it refreshes and narrows again', async () => {
    const connection = await connect('narrowing', 'cleo');
    const first = await readThrough(stack, await open(connection, ['openid']));
    const refreshed = await stack.gateway('POST', `/v1/refresh/${connection.connection_id}`);
    expect(refreshed.body).toMatchObject({ refreshed: true });
    const second = await readThrough(stack, await open(connection, ['openid', 'profile']));
    for (const { body } of [first, refreshed, second]) {
      expect(await narrowing.isTokenActive(body.credentials.access_token)).toBe(true);
    }
    const check = await stack.gateway('GET', `/v1/check-connection/${connection.connection_id}`);
    expect(check.body.status).toBe('active');
  });

  it('is not revoked with its session where that would end the whole grant', async () => {
    const connection = await connect('narrowing', 'dora');
    const session = await open(connection, ['openid']);
    await readThrough(stack, session);
    expect((await close(session)).status).toBe(200);
    await waitForErasure(session);
    expect(narrowing.revokedTokens()).toEqual([]);
    expect(await narrowing.isTokenActive(await ownToken(connection))).toBe(true);
  });

  interface Ended {
    readonly own: TestAgent;
    readonly session: OpenedSession;
  }

  it.each<[string, (ended: Ended) => Promise<Answer>]>([
    ['closes', ({ own, session }) => close(session, own.key)],
    [
      'runs out',
      async ({ session }) => {
        await expireSession(stack, session);
        return stack.gateway('GET', `/v1/agent-sessions/${session.session_id}`, { key: stack.adminKey });
      },
    ],
    ['loses its agent', ({ own }) => stack.broker('DELETE', `/admin/v1/agents/${own.agentId}`)],
    [
      'has its agent deactivated',
      ({ own }) => stack.broker('PATCH', `/admin/v1/agents/${own.agentId}`, { body: { active: false } }),
    ],
    ['loses its key', ({ own }) => stack.broker('DELETE', `/admin/v1/agents/${own.agentId}/keys/${own.keyId}`)],
  ])('is revoked when its session %s, where that kills nothing else', async (_how, end) => {
    const own = await registerAgent(stack, { allowed_scopes: ['read', 'write'] });
    const connection = await connectScripted(stack, precise, own.agentId.replace('-', ''));
    const session = await openSession(stack, own, { connection_id: connection.connection_id, scopes: ['read'] });
    const narrow = await mint(session);
    const kept = await mint(await open(connection, ['write']));
    expect((await end({ own, session })).status).toBe(200);
    await waitForErasure(session);
    expect(precise.revoked()).toContain(narrow);
    for (const token of [kept, await ownToken(connection)]) expect(precise.revoked()).not.toContain(token);
  });

  it('is revoked when the issuer of its user is deleted, and those of sessions without a user are not', async () => {
    const issuer = await startUserIssuer(stack, { registration: { workspace_prefix: 'narrow:' } });
    const connection = await connectScripted(stack, precise, 'user', { workspace_id: 'narrow:ada' });
    const { connection_id } = connection;
    const user_context_token = await issuer.sign({ sub: 'ada', scope: 'read write' });
    const body = { agent_id: agent.agentId, connection_id, scopes: ['read'], user_context_token };
    const session = (await stack.gateway('POST', '/v1/agent-sessions/obo', { key: agent.key, body })).body;
    const narrow = await mint(session);
    const kept = await mint(await open(connection, ['write']));
    const deleted = await stack.broker('DELETE', `/admin/v1/issuers/${issuer.id}`);
    expect(deleted.body.sessions_closed).toBe(1);
    await waitForErasure(session);
    expect(precise.revoked()).toContain(narrow);
    for (const token of [kept, await ownToken(connection)]) expect(precise.revoked()).not.toContain(token);
    await issuer.close();
  });

  it('is revoked with the connection it was minted from', async () => {
    const connection = await connectScripted(stack, precise, 'deleted');
    const sessions = [await open(connection, ['read']), await open(connection, ['write'])];
    const narrow = await Promise.all(sessions.map(mint));
    const path = `/v1/connections/${connection.connection_id}`;
    const deleted = await stack.gateway('DELETE', path, { key: stack.adminKey });
    expect(deleted.body).toMatchObject({ provider_revoked: true, sessions_closed: 2 });
    for (const session of sessions) {
      await waitForErasure(session);
      expect(summarise(await readThrough(stack, session))).toBe('401 invalid_session_token');
    }
    expect(precise.revoked()).toEqual(expect.arrayContaining(narrow));
  });

  it('stays sealed while the provider cannot take it back, over a restart too, and is revoked when it can', async () => {
    const session = await open(await connectScripted(stack, precise, 'late'), ['read']);
    const narrow = await mint(session);
    precise.server.answer('/revoke', { status: 503 });
    await close(session);
    await waitFor('a first try', () => (precise.revoked().includes(narrow) ? true : null));
    await stack.stopBroker('SIGTERM');
    expect(await readSealedToken(session)).not.toBeNull();
    precise.server.answer('/revoke', { status: 200 });
    await stack.startBroker();
    await waitForErasure(session);
    expect(precise.revoked().filter((token) => token === narrow).length).toBeGreaterThan(1);
  });

  async function mint(session: OpenedSession): Promise<string> {
    return (await readThrough(stack, session)).body.credentials.access_token;
  }
  async function readSealedToken({ session_id }: OpenedSession): Promise<unknown> {
    const statement = 'select sealed_token from agent_session where session_id = ?';
    return (await runSql(stack, statement, [session_id]))[0]?.['sealed_token'];
  }
  /** The sealed token of an ended session goes once nothing remains to be done with it. */
  const waitForErasure = (session: OpenedSession) =>
    waitFor('the sealed token to be erased', async () => ((await readSealedToken(session)) === null ? true : null));

  it('is refused where the provider cannot narrow, unless the profile allows a wider token, which is recorded', async () => {
    const connection = await connect('plain', 'finn');
    const session = await open(connection, ['openid']);
    expect(summarise(await readThrough(stack, session))).toBe('403 cannot_narrow_token');
    const exact = await open(connection, allScopes);
    expect((await readThrough(stack, exact)).body.narrowed).toBe(false);

    const provider = (await stack.broker('GET', '/admin/v1/providers')).body.find(
      ({ name }: { name: string }) => name === 'plain',
    );
    const allow = (allow_wider_token: boolean) =>
      stack.broker('PATCH', `/admin/v1/providers/${provider.id}`, { body: { allow_wider_token } });
    await allow(true);
    const wider = await readThrough(stack, session);
    expect(wider.body).toMatchObject({ narrowed: false, credentials: { access_token: await ownToken(connection) } });
    const events = (await readAudit(stack, connection.connection_ref)).filter(
      (event) => event.session_id === session.session_id,
    );
    expect(events.at(-1)).toMatchObject({
      event_type: 'token.retrieved',
      data: { scopes: ['openid'], narrowed: false, wider_scopes: expect.arrayContaining(['email', 'profile']) },
    });
    await allow(false);
    expect(summarise(await readThrough(stack, session))).toBe('403 cannot_narrow_token');
  });

  it('asks for attention when the provider says that the grant is gone', async () => {
    const connection = await connect('narrowing', 'gus');
    const session = await open(connection, ['openid']);
    narrowing.revokeEverythingFor('gus');
    expect(summarise(await readThrough(stack, session))).toBe('409 attention_required');
    const check = await stack.gateway('GET', `/v1/check-connection/${connection.connection_id}`);
    expect(check.body).toMatchObject({ status: 'attention', reason: { code: 'grant_revoked' } });
  });

  it('records what was minted, with the session it was for', async () => {
    const connection = await connect('narrowing', 'hal');
    const session = await open(connection, ['openid', 'offline_access']);
    await readThrough(stack, session);
    const events = await readAudit(stack, connection.connection_ref);
    const minted = events.find((event) => event.event_type === 'token.narrowed');
    expect(minted).toMatchObject({
      actor: { type: 'session', id: session.session_id },
      agent_id: agent.agentId,
      session_id: session.session_id,
      provider_name: 'narrowing',
      data: { scopes: ['openid'], via: 'refresh' },
    });
    expect(events.at(-1)).toMatchObject({ event_type: 'token.retrieved', data: { narrowed: true } });
    expect(events.at(-1).data.wider_scopes).toBeUndefined();
  });

  it('says no with the provider when a scope is refused there', async () => {
    const connection = await connect('narrowing', 'ivy');
    const session = await open(connection, ['openid']);
    narrowing.setInterceptor((request, response) => {
      if (request.url !== '/token') return false;
      response.writeHead(400, { 'Content-Type': 'application/json' }).end('{"error":"invalid_scope"}');
      return true;
    });
    try {
      expect(summarise(await readThrough(stack, session))).toBe('403 cannot_narrow_token');
    } finally {
      narrowing.setInterceptor(null);
    }
    // The provider is not asked for the same again at once, but for something else.
    for (const again of [session, await open(connection, ['openid'])]) {
      expect(summarise(await readThrough(stack, again))).toBe('403 cannot_narrow_token');
    }
    expect((await readThrough(stack, await open(connection, ['email']))).body.narrowed).toBe(true);
    expect((await stack.broker('GET', `/admin/v1/providers/${narrowingId}`)).body.downscope).toEqual({
      via: 'refresh',
    });
  });
});
