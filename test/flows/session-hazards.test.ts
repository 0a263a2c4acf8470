import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expireSession,
  type OpenedSession,
  openSession,
  readThrough,
  registerAgent,
  requestSession,
  summarise,
  type TestAgent,
} from '../support/agents.js';
import { createKey, type Requested, readAudit } from '../support/fixtures.js';
import { connectAs, connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { forgetLastRefresh, setAccessExpiry } from '../support/sql.js';
import { engines, type Stack, startStack } from '../support/stack.js';
import { startUserIssuer } from '../support/user-issuer.js';

describe.each(engines)('what could widen a session on %s', (engine) => {
  let stack: Stack;
  /** Narrows on refresh. */
  let provider: ScriptedOauth;
  /** Cannot narrow. */
  let plain: ScriptedOauth;
  let agent: TestAgent;

  beforeAll(async () => {
    stack = await startStack({ engine });
    const scopes = ['read', 'write'];
    provider = await registerScriptedOauth(stack, {
      name: 'narrows',
      profile: { scopes, downscope: { via: 'refresh' } },
    });
    plain = await registerScriptedOauth(stack, { name: 'plain', profile: { scopes } });
    agent = await registerAgent(stack, { allowed_scopes: ['read', 'write', 'label'] });
  });
  afterAll(async () => {
    await stack.close();
    await Promise.all([provider.close(), plain.close()]);
  });

  const open = ({ connection_id }: Requested, scopes: readonly string[]): Promise<OpenedSession> =>
    openSession(stack, agent, { connection_id, scopes });
  const patch = (body: object) => stack.broker('PATCH', `/admin/v1/agents/${agent.agentId}`, { body });
  const tokens = (body: object) => ({
    body: { access_token: `at-answer-${Math.random()}`, token_type: 'bearer', expires_in: 3_600, ...body },
  });

  it('R21: a refresh that says nothing of scopes takes them all, and never makes the connection scope-less', async () => {
    const connection = await connectScripted(stack, plain, 'emptied');
    const session = await open(connection, ['read']);
    expect(summarise(await readThrough(stack, session))).toBe('403 cannot_narrow_token');
    plain.failTokens(tokens({ scope: '', refresh_token: 'rt-emptied-2' }));
    await stack.gateway('POST', `/v1/refresh/${connection.connection_id}`);
    plain.failTokens(null);
    expect(summarise(await readThrough(stack, session))).toBe('403 scope_not_granted');
    const labelled = { agent_id: agent.agentId, connection_id: connection.connection_id, scopes: ['label'] };
    expect(summarise(await requestSession(stack, agent.key, labelled))).toBe('403 scope_not_granted');
  });

  it.each([
    ['no scope at all', { scope: '' }],
    ['more than was asked', { scope: 'read write' }],
  ])('a token minted with %s is not handed out', async (_what, answer) => {
    const connection = await connectScripted(stack, provider, 'wide');
    const session = await open(connection, ['read']);
    provider.failTokens(tokens(answer));
    try {
      expect(summarise(await readThrough(stack, session))).toBe('403 cannot_narrow_token');
    } finally {
      provider.failTokens(null);
    }
  });

  it('B8: what is cut while a read waits for the provider is cut for that read', async () => {
    const connection = await connectScripted(stack, provider, 'waiting');
    const session = await open(connection, ['read']);
    let arrived: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    let answer: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      answer = resolve;
    });
    provider.failTokens(async () => {
      arrived();
      await released;
      return tokens({ scope: 'read' });
    });
    const reading = readThrough(stack, session);
    await asked;
    expect((await patch({ allowed_scopes: ['write', 'label'] })).status).toBe(200);
    answer();
    expect(summarise(await reading)).toBe('403 scope_not_allowed');
    provider.failTokens(null);
    await patch({ allowed_scopes: ['read', 'write', 'label'] });
  });

  it('a reconnect leaves no token of the grant before', async () => {
    const connection = await connectScripted(stack, provider, 'before');
    const session = await open(connection, ['read']);
    const old = (await readThrough(stack, session)).body.credentials.access_token;
    const again = await stack.gateway('POST', '/v1/request-connection', {
      body: {
        workspace_id: 'workspace-1',
        provider_name: 'narrows',
        connection_id: connection.connection_id,
        return_url: 'http://127.0.0.1:1/return',
      },
    });
    await connectAs(stack, again.body, 'before');
    const read = await readThrough(stack, session);
    expect(read.body).toMatchObject({ narrowed: true });
    expect(read.body.credentials.access_token).not.toBe(old);
  });

  it("a token minted before serves on while the connection's own cannot be renewed", async () => {
    const connection = await connectScripted(stack, provider, 'outage');
    const session = await open(connection, ['read']);
    const first = await readThrough(stack, session);
    await setAccessExpiry(stack, connection.connection_ref);
    await forgetLastRefresh(stack, connection.connection_ref);
    provider.failTokens({ status: 503 });
    try {
      expect((await readThrough(stack, session)).body.credentials).toEqual(first.body.credentials);
    } finally {
      provider.failTokens(null);
    }
  });

  it('the dead session of a deactivated agent does not fill the log', async () => {
    const doomed = await registerAgent(stack, { allowed_scopes: ['read', 'write'] });
    const connection = await connectScripted(stack, plain, 'dead');
    const body = { connection_id: connection.connection_id, scopes: ['read', 'write'] };
    const session = await openSession(stack, doomed, body);
    await expireSession(stack, session);
    await stack.broker('PATCH', `/admin/v1/agents/${doomed.agentId}`, { body: { active: false } });
    for (let times = 0; times < 10; times++) {
      expect(summarise(await readThrough(stack, session))).toBe('403 agent_inactive');
    }
    const about = await readAudit(stack, connection.connection_ref);
    const refusals = about.filter(({ outcome }) => outcome === 'refused' || outcome === 'failure');
    expect(refusals.length).toBeLessThanOrEqual(1);
  });

  it("A9: a connection that an agent's key started answers for nobody's workspace", async () => {
    const issuer = await startUserIssuer(stack);
    const planted = await stack.gateway('POST', '/v1/request-connection', {
      key: agent.key,
      body: { workspace_id: 'victim', provider_name: 'plain', return_url: 'http://127.0.0.1:1/return' },
    });
    await connectAs(stack, planted.body, 'attacker');
    const ask = { agent_id: agent.agentId, provider_name: 'plain', scopes: ['read'] };
    const user_context_token = await issuer.sign({ sub: 'victim', scope: 'read' });
    const obo = await stack.gateway('POST', '/v1/agent-sessions/obo', {
      key: agent.key,
      body: { ...ask, user_context_token },
    });
    expect(summarise(obo)).toBe('404 connection_not_found');
    const operator = (await createKey(stack, 'operator')).key;
    expect(summarise(await requestSession(stack, operator, { ...ask, workspace_id: 'victim' }))).toBe(
      '404 connection_not_found',
    );
    await issuer.close();
  });

  it('A6: what looks like a token is refused as a scope, and neither shown nor recorded', async () => {
    const connection = await connectScripted(stack, plain, 'scoped');
    const { access_token } = await open(connection, ['read', 'write']);
    for (const scope of [access_token, connection.connection_id, 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.']) {
      const body = { agent_id: agent.agentId, connection_id: connection.connection_id, scopes: [scope] };
      const refused = await requestSession(stack, agent.key, body);
      expect(summarise(refused)).toBe('400 invalid_request');
      expect(JSON.stringify(refused.body)).not.toContain(scope);
    }
  });
});
