import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createAgentKey,
  expireSession,
  type OpenedSession,
  openSession,
  registerAgent,
  summarise,
  type TestAgent,
} from '../support/agents.js';
import type { Requested } from '../support/fixtures.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { type SessionWorld, startSessionWorld } from '../support/session-world.js';
import { type Answer, engines, type Stack } from '../support/stack.js';
import { startUserIssuer, type UserIssuer } from '../support/user-issuer.js';

interface Planted {
  readonly session: OpenedSession;
  readonly agent: TestAgent;
  readonly connection: Requested;
  readonly isOpen: boolean;
  /** Of the user it acts for. */
  readonly sub: string | null;
}

describe.each(engines)('the list of sessions on %s', (engine) => {
  let world: SessionWorld;
  let stack: Stack;
  let second: ScriptedOauth;
  let issuer: UserIssuer;
  let mailer: TestAgent;
  /** The same agent by another key. */
  let mailerAgain: TestAgent;
  let clerk: TestAgent;
  let plain: Requested;
  let ofUser: Requested;
  let planted: readonly Planted[];

  beforeAll(async () => {
    world = await startSessionWorld(engine);
    ({ stack } = world);
    const profile = { scopes: ['read', 'write'] };
    second = await registerScriptedOauth(stack, { name: 'second', profile });
    issuer = await startUserIssuer(stack, { registration: { workspace_prefix: 'staff:' } });
    mailer = await registerAgent(stack, { allowed_scopes: ['read', 'write'] });
    mailerAgain = { ...mailer, ...(await createAgentKey(stack, mailer.agentId)) };
    clerk = await registerAgent(stack, { allowed_scopes: ['read', 'write'] });
    plain = await connectScripted(stack, world.provider, 'plain');
    ofUser = await connectScripted(stack, second, 'user', { workspace_id: 'staff:ada' });
    planted = await plantSessions();
  });
  afterAll(async () => {
    await world.close();
    await Promise.all([second.close(), issuer.close()]);
  });

  async function plantSessions(): Promise<readonly Planted[]> {
    const open = async (agent: TestAgent, connection: Requested): Promise<Planted> => {
      const body = { connection_id: connection.connection_id, scopes: ['read'] };
      return { session: await openSession(stack, agent, body), agent, connection, isOpen: true, sub: null };
    };
    const closed = await open(mailer, plain);
    await world.closeSession(closed.session, mailer.key);
    const expired = await open(clerk, plain);
    await expireSession(stack, expired.session);
    return [
      await open(mailer, plain),
      await open(mailer, ofUser),
      await open(mailerAgain, plain),
      await open(clerk, ofUser),
      await openForUser('ada'),
      { ...closed, isOpen: false },
      { ...expired, isOpen: false },
    ];
  }

  async function openForUser(sub: string): Promise<Planted> {
    const user_context_token = await issuer.sign({ sub, scope: 'read', tenant_id: 'acme', clearance_level: 2 });
    const body = {
      agent_id: clerk.agentId,
      connection_id: ofUser.connection_id,
      scopes: ['read'],
      user_context_token,
    };
    const opened = await stack.gateway('POST', '/v1/agent-sessions/obo', { key: clerk.key, body });
    return { session: opened.body, agent: clerk, connection: ofUser, isOpen: true, sub };
  }

  const list = (query: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    stack.broker('GET', `/admin/v1/sessions?${new URLSearchParams(query)}`, { key: world.operatorKey });
  const idsOf = ({ body }: Answer): string[] => body.sessions.map((row: { session_id: string }) => row.session_id);
  const idsWhere = (matches: (one: Planted) => boolean) =>
    planted
      .filter(matches)
      .map(({ session }) => session.session_id)
      .sort();

  it('holds every session, open or not, in the order of their ids, and no token', async () => {
    const all = await list();
    expect(all.status).toBe(200);
    expect(idsOf(all)).toEqual(idsWhere(() => true));
    expect(all.body.next_cursor).toBeUndefined();
    expect(JSON.stringify(all.body)).not.toMatch(/nx[a-z]_|access_token|token_hash|at-|rt-/);
  });

  it('tells of each session whose it is, at which provider, how far it goes, and whether and why it is over', async () => {
    const rows: readonly { session_id: string }[] = (await list()).body.sessions;
    const rowOf = (index: number) => rows.find((row) => row.session_id === planted[index]?.session.session_id);
    const common = (index: number) => {
      const { session, agent, connection } = planted[index] as Planted;
      return {
        session_id: session.session_id,
        agent_id: agent.agentId,
        connection_ref: connection.connection_ref,
        key_id: agent.keyId,
        scopes_granted: ['read'],
        created_at: expect.any(String),
        expires_at: session.expires_at,
        closed_at: null,
        end: null,
        open: true,
        obo: false,
      };
    };
    const atFirst = { workspace_id: 'workspace-1', provider_name: world.provider.name };
    const atSecond = { workspace_id: 'staff:ada', provider_name: second.name };
    expect(rowOf(0)).toEqual({ ...common(0), ...atFirst });
    expect(rowOf(1)).toEqual({ ...common(1), ...atSecond });
    expect(rowOf(4)).toEqual({
      ...common(4),
      ...atSecond,
      obo: true,
      issuer: issuer.issuer,
      acting_for: 'ada',
      tenant_id: 'acme',
      clearance_level: 2,
    });
    const closed = { closed_at: expect.any(String), end: 'closed', open: false };
    expect(rowOf(5)).toEqual({ ...common(5), ...atFirst, ...closed });
    expect(rowOf(6)).toMatchObject({ ...atFirst, open: false });
  });

  it.each<[string, () => Record<string, string>, (one: Planted) => boolean]>([
    ['open=true', () => ({ open: 'true' }), (one) => one.isOpen],
    ['open=false', () => ({ open: 'false' }), (one) => !one.isOpen],
    ['an agent', () => ({ agent_id: mailer.agentId }), (one) => one.agent.agentId === mailer.agentId],
    ['an unknown agent', () => ({ agent_id: 'nobody' }), () => false],
    ['a connection', () => ({ connection_ref: ofUser.connection_ref }), (one) => one.connection === ofUser],
    ['an id of a connection', () => ({ connection_ref: ofUser.connection_id }), () => false],
    ['a key', () => ({ key_id: mailerAgain.keyId }), (one) => one.agent === mailerAgain],
    ['an issuer', () => ({ issuer: issuer.issuer }), (one) => one.sub !== null],
    ['another issuer', () => ({ issuer: `${issuer.issuer}/` }), () => false],
    ['a user', () => ({ issuer: issuer.issuer, sub: 'ada' }), (one) => one.sub === 'ada'],
    ['another user', () => ({ issuer: issuer.issuer, sub: 'bob' }), () => false],
    [
      'several filters at once',
      () => ({ agent_id: clerk.agentId, connection_ref: plain.connection_ref, open: 'false' }),
      (one) => one.agent === clerk && one.connection === plain && !one.isOpen,
    ],
  ])('is cut down to those that match %s', async (_what, query, matches) => {
    expect(idsOf(await list(query()))).toEqual(idsWhere(matches));
  });

  it.each([1, 2, 3, 7, 500])('comes in pages of %i that together hold each session once', async (limit) => {
    const pages: string[][] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: Answer = await list({ limit: String(limit), ...(cursor === '' ? {} : { cursor }) });
      pages.push(idsOf(page));
      cursor = page.body.next_cursor;
    }
    expect(pages.flat()).toEqual(idsWhere(() => true));
    expect(pages).toHaveLength(Math.ceil(planted.length / limit));
    for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
  });

  it('pages what a filter leaves', async () => {
    const filter = { agent_id: mailer.agentId, open: 'true', limit: '2' };
    const first = await list(filter);
    const rest = await list({ ...filter, cursor: first.body.next_cursor });
    expect(idsOf(first)).toHaveLength(2);
    const expected = idsWhere((one) => one.agent.agentId === mailer.agentId && one.isOpen);
    expect([...idsOf(first), ...idsOf(rest)]).toEqual(expected);
    expect(rest.body.next_cursor).toBeUndefined();
  });

  it.each([
    ['limit', '0'],
    ['limit', '501'],
    ['limit', '1.5'],
    ['limit', 'all'],
    ['open', 'yes'],
    ['open', ''],
    ['cursor', 'c'.repeat(65)],
    ['agent_id', ''],
    ['key_id', ''],
    ['connection_ref', ''],
    ['issuer', ''],
    ['sub', ''],
    ['after', 'sess_x'],
    ['workspace_id', 'workspace-1'],
    ['Agent_id', 'mailer'],
  ])('is refused with %s=%s', async (name, value) => {
    const refused = await list({ [name]: value });
    expect(summarise(refused)).toBe('400 invalid_request');
    expect(refused.body.details[0].path).toBe(name);
  });
});
