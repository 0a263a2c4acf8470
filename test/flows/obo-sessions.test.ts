import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readThrough, registerAgent, summarise, type TestAgent } from '../support/agents.js';
import { createKey, type Requested, readAudit } from '../support/fixtures.js';
import { connectAs, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';
import { startUserIssuer, type UserIssuer } from '../support/user-issuer.js';

describe.each(engines)('a session on behalf of a user on %s', (engine) => {
  let stack: Stack;
  let provider: ScriptedOauth;
  let staff: UserIssuer;
  let tenants: UserIssuer;
  let agent: TestAgent;
  let operatorKey: string;
  let appKey: string;

  beforeAll(async () => {
    stack = await startStack({ engine });
    provider = await registerScriptedOauth(stack, { profile: { scopes: ['read', 'write'] } });
    staff = await startUserIssuer(stack, { registration: { workspace_prefix: 'staff:' } });
    tenants = await startUserIssuer(stack, {
      algorithm: 'ES256',
      registration: { workspace_from: 'tenant', workspace_prefix: 'tenant:', scope_claim: 'roles' },
    });
    agent = await registerAgent(stack, { allowed_scopes: ['read', 'write', 'admin'] });
    operatorKey = (await createKey(stack, 'operator')).key;
    appKey = (await createKey(stack, 'app')).key;
  });
  afterAll(async () => {
    await stack.close();
    await Promise.all([provider.close(), staff.close(), tenants.close()]);
  });

  /** A connection that an application's key started for a workspace. */
  async function connect(workspace_id: string, login: string): Promise<Requested> {
    const body = { workspace_id, provider_name: provider.name, return_url: 'http://127.0.0.1:1/return' };
    const requested = (await stack.gateway('POST', '/v1/request-connection', { key: appKey, body })).body;
    await connectAs(stack, requested, login);
    return requested;
  }
  const ask = (body: object, key = agent.key): Promise<Answer> =>
    stack.gateway('POST', '/v1/agent-sessions/obo', { key, body: { agent_id: agent.agentId, ...body } });
  const both = ['read', 'write'];
  const eventsOf = async ({ body: { connection_ref, session_id } }: Answer) =>
    (await readAudit(stack, connection_ref)).filter((event) => event.session_id === session_id);

  it('acts for the user at the connection of the workspace that the token proves', async () => {
    const connection = await connect('staff:ada', 'ada');
    const token = await staff.sign({ sub: 'ada', scope: 'read write', tenant_id: 'acme', clearance_level: 3 });
    const opened = await ask({ user_context_token: token, provider_name: provider.name, scopes: both });
    expect(opened.status).toBe(201);
    expect(opened.body).toMatchObject({
      connection_ref: connection.connection_ref,
      scopes_granted: both,
      obo: true,
      acting_for: 'ada',
      tenant_id: 'acme',
      clearance_level: 3,
    });
    expect(Date.parse(opened.body.expires_at)).toBeLessThanOrEqual(Date.now() + 300_000);
    const read = await readThrough(stack, opened.body);
    expect(read.body.credentials.access_token).toMatch(/^at-ada-/);
    const state = await stack.gateway('GET', `/v1/agent-sessions/${opened.body.session_id}`, { key: agent.key });
    expect(state.body).toMatchObject({
      active: true,
      obo: true,
      acting_for: 'ada',
      tenant_id: 'acme',
      clearance_level: 3,
    });

    const events = await readAudit(stack, connection.connection_ref);
    expect(events.find((event) => event.event_type === 'session.created')).toMatchObject({
      actor: { type: 'key', id: agent.keyId },
      agent_id: agent.agentId,
      acting_for: 'ada',
      workspace_id: 'staff:ada',
      data: {
        obo: true,
        scopes: both,
        sub: { iss: staff.issuer, sub: 'ada' },
        act: { sub: agent.agentId },
        tenant_id: 'acme',
        clearance_level: 3,
        user_token_expires_at: expect.any(Number),
      },
    });
    expect(events.at(-1)).toMatchObject({
      event_type: 'token.retrieved',
      acting_for: 'ada',
      data: { tenant_id: 'acme' },
    });
    expect(JSON.stringify(events)).not.toContain(token);
  });

  it('takes the workspace from the tenant, and the scopes from the claim, that the issuer declares', async () => {
    const connection = await connect('tenant:acme', 'bob');
    const user_context_token = await tenants.sign({ sub: 'bob', tenant_id: 'acme', roles: both, scope: 'nothing' });
    const opened = await ask({ user_context_token, connection_id: connection.connection_id, scopes: both });
    expect(opened.body).toMatchObject({
      connection_ref: connection.connection_ref,
      acting_for: 'bob',
      clearance_level: 0,
    });
  });

  it('B11: passes every scope through both gates and the grant', async () => {
    const { connection_id } = await connect('staff:cleo', 'cleo');
    const open = async (scopes: string[], scope: string) =>
      summarise(await ask({ connection_id, scopes, user_context_token: await staff.sign({ sub: 'cleo', scope }) }));
    expect(await open(both, 'read write')).toBe('201');
    expect(await open(both, 'read')).toBe('403 user_not_authorized_for_scope');
    expect(await open(['read'], '')).toBe('403 user_not_authorized_for_scope');
    expect(await open(['delete'], 'delete')).toBe('403 scope_not_allowed');
    expect(await open(['admin'], 'admin')).toBe('403 scope_not_granted');
  });

  it('B11: never outlives the token of the user', async () => {
    const { connection_id } = await connect('staff:dora', 'dora');
    const exp = Math.floor(Date.now() / 1_000) + 60;
    const user_context_token = await staff.sign({ sub: 'dora', scope: 'read write', exp });
    const opened = await ask({ connection_id, scopes: both, user_context_token, ttl_seconds: 3_600 });
    expect(Date.parse(opened.body.expires_at)).toBe(exp * 1_000);
    const brief = await staff.sign({ sub: 'dora', scope: 'read write', exp });
    const shorter = await ask({ connection_id, scopes: both, user_context_token: brief, ttl_seconds: 5 });
    expect(Date.parse(shorter.body.expires_at)).toBeLessThanOrEqual(Date.now() + 5_500);
  });

  it("B11: never reaches another user's connection, by id, by name or by what the body says", async () => {
    const theirs = await connect('staff:eve', 'eve');
    const fay = () => staff.sign({ sub: 'fay', scope: 'read write' });
    const byId = { connection_id: theirs.connection_id, scopes: both };
    expect(summarise(await ask({ ...byId, user_context_token: await fay() }))).toBe('404 connection_not_found');
    for (const key of [agent.key, operatorKey]) {
      const byName = { provider_name: provider.name, scopes: both };
      const named = await ask({ ...byName, user_context_token: await fay() }, key);
      expect(summarise(named)).toBe('404 connection_not_found');
      const claimed = await ask({ ...byName, workspace_id: 'staff:eve', user_context_token: await fay() }, key);
      expect(summarise(claimed)).toBe('403 forbidden');
      const ref = await ask({ ...byName, connection_ref: theirs.connection_ref, user_context_token: await fay() }, key);
      expect(summarise(ref)).toBe('404 connection_not_found');
    }
  });

  it('B11: the same name at another issuer is another user', async () => {
    const { connection_id } = await connect('staff:gus', 'gus');
    const foreign = await tenants.sign({ sub: 'gus', tenant_id: 'gus', roles: both });
    expect(summarise(await ask({ connection_id, scopes: both, user_context_token: foreign }))).toBe(
      '404 connection_not_found',
    );
  });

  it('B10: a token opens one session, also when it is sent many times at once', async () => {
    const { connection_id } = await connect('staff:hal', 'hal');
    const user_context_token = await staff.sign({ sub: 'hal', scope: 'read write' });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => ask({ connection_id, scopes: both, user_context_token })),
    );
    expect(answers.map(summarise).sort()).toEqual(['201', ...Array(9).fill('401 invalid_user_context_token')]);
    const again = await ask({ connection_id, scopes: both, user_context_token });
    expect(summarise(again)).toBe('401 invalid_user_context_token');
  });

  it('a refused request does not spend the token', async () => {
    const { connection_id } = await connect('staff:ivy', 'ivy');
    const user_context_token = await staff.sign({ sub: 'ivy', scope: 'read' });
    expect(summarise(await ask({ connection_id, scopes: both, user_context_token }))).toBe(
      '403 user_not_authorized_for_scope',
    );
    expect(summarise(await ask({ connection_id, scopes: ['read'], user_context_token }))).toBe('201');
  });

  it('B12: a token that names who may act is for that agent alone', async () => {
    const { connection_id } = await connect('staff:jo', 'jo');
    const open = async (may_act: unknown) =>
      summarise(
        await ask({
          connection_id,
          scopes: both,
          user_context_token: await staff.sign({ sub: 'jo', scope: 'read write', may_act }),
        }),
      );
    expect(await open({ sub: agent.agentId })).toBe('201');
    expect(await open({ sub: 'another-agent' })).toBe('401 invalid_user_context_token');
  });

  it('B12: the token of a session is never the token of a user', async () => {
    const { connection_id } = await connect('staff:kim', 'kim');
    const user_context_token = await staff.sign({ sub: 'kim', scope: 'read write' });
    const opened = await ask({ connection_id, scopes: both, user_context_token });
    const chained = await ask({ connection_id, scopes: both, user_context_token: opened.body.access_token });
    expect(summarise(chained)).toBe('401 invalid_user_context_token');
  });

  it('A10: records for whom, and of which tenant, when a read is refused and when the session ends', async () => {
    const { connection_id } = await connect('tenant:umbrella', 'liv');
    const user_context_token = await tenants.sign({ sub: 'liv', tenant_id: 'umbrella', roles: both });
    const opened = await ask({ connection_id, scopes: ['read'], user_context_token });
    expect(summarise(await readThrough(stack, opened.body))).toBe('403 cannot_narrow_token');
    await stack.gateway('DELETE', `/v1/agent-sessions/${opened.body.session_id}`, { key: agent.key });
    const data = { scopes: ['read'], opened_by: agent.keyId, tenant_id: 'umbrella' };
    const common = { agent_id: agent.agentId, acting_for: 'liv', workspace_id: 'tenant:umbrella' };
    expect(await eventsOf(opened)).toMatchObject([
      { ...common, event_type: 'session.created', provider_name: provider.name, data: { tenant_id: 'umbrella' } },
      { ...common, event_type: 'token.retrieval_failed', data: { ...data, code: 'cannot_narrow_token' } },
      { ...common, event_type: 'session.closed', provider_name: provider.name, data: { ...data, reason: 'closed' } },
    ]);
  });

  it('ends every session of a user by one call, and of nobody else', async () => {
    const sessions = [];
    for (const sub of ['lou', 'lou', 'max']) {
      const { connection_id } = await connect(`staff:${sub}`, sub);
      const user_context_token = await staff.sign({ sub, scope: 'read write' });
      sessions.push((await ask({ connection_id, scopes: both, user_context_token })).body);
    }
    const close = (body: object) => stack.broker('POST', '/admin/v1/sessions/close', { key: operatorKey, body });
    const listed = await stack.broker('GET', `/admin/v1/sessions?issuer=${encodeURIComponent(staff.issuer)}&sub=lou`);
    expect(listed.body.sessions).toHaveLength(2);
    expect(JSON.stringify(listed.body)).not.toContain('nxs_');
    expect((await close({ issuer: staff.issuer, sub: 'lou' })).body).toEqual({ closed: 2 });
    expect((await close({ issuer: staff.issuer, sub: 'lou' })).body).toEqual({ closed: 0 });
    const reads = await Promise.all(sessions.map((session) => readThrough(stack, session)));
    expect(reads.map(summarise)).toEqual(['401 invalid_session_token', '401 invalid_session_token', '200']);
    expect(summarise(await close({ sub: 'lou' }))).toBe('400 invalid_request');
    expect(summarise(await close({}))).toBe('400 invalid_request');
  });

  it('closes the sessions of an issuer that is deleted, and believes it no more', async () => {
    const gone = await startUserIssuer(stack, { registration: { workspace_prefix: 'gone:' } });
    const { connection_id } = await connect('gone:ned', 'ned');
    const sign = () => gone.sign({ sub: 'ned', scope: 'read write' });
    const opened = await ask({ connection_id, scopes: both, user_context_token: await sign() });
    expect((await readThrough(stack, opened.body)).status).toBe(200);
    const deleted = await stack.broker('DELETE', `/admin/v1/issuers/${gone.id}`);
    expect(deleted.body).toEqual({ id: gone.id, deleted: true, sessions_closed: 1 });
    expect(summarise(await readThrough(stack, opened.body))).toBe('401 invalid_session_token');
    expect(await eventsOf(opened)).toContainEqual(
      expect.objectContaining({
        event_type: 'session.closed',
        acting_for: 'ned',
        data: expect.objectContaining({ reason: 'issuer_deleted', obo: true, opened_by: agent.keyId }),
      }),
    );
    expect(summarise(await ask({ connection_id, scopes: both, user_context_token: await sign() }))).toBe(
      '401 invalid_user_context_token',
    );
    await gone.close();
  });
});
