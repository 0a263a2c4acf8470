import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgentKey, registerAgent, summarise } from '../support/agents.js';
import { createKey } from '../support/fixtures.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';

describe.each(engines)('the agent registry on %s', (engine) => {
  let stack: Stack;
  let operatorKey: string;

  beforeAll(async () => {
    stack = await startStack({ engine });
    operatorKey = (await createKey(stack, 'operator')).key;
  });
  afterAll(() => stack.close());

  const agents = (method: string, path: string, body?: unknown): Promise<Answer> =>
    stack.broker(method, `/admin/v1/agents${path}`, { key: operatorKey, ...(body === undefined ? {} : { body }) });
  const events = async (query: string) =>
    (await stack.broker('GET', `/audit?${query}&order=asc&limit=500`)).body.events;

  it('registers, shows, changes, lists and deregisters an agent', async () => {
    const body = {
      agent_id: 'mailer:eu.1',
      description: 'Sends mail.',
      display_name: 'Mailer',
      allowed_scopes: ['mail.send', 'mail.read', 'mail.send'],
      allowed_providers: ['acme'],
      metadata: { team: 'ops' },
    };
    const created = await agents('POST', '', body);
    expect(created.status).toBe(201);
    expect(created.body).toEqual({
      ...body,
      allowed_scopes: ['mail.send', 'mail.read'],
      active: true,
      created_at: expect.any(String),
      updated_at: created.body.created_at,
    });
    expect((await agents('GET', '/mailer:eu.1')).body).toEqual(created.body);
    const changed = await agents('PATCH', '/mailer:eu.1', { allowed_scopes: [], allowed_providers: null });
    expect(changed.body).toMatchObject({ allowed_scopes: [], allowed_providers: null, description: 'Sends mail.' });
    expect((await agents('GET', '')).body.agents).toContainEqual(changed.body);
    const deleted = await agents('DELETE', '/mailer:eu.1');
    expect(deleted.body).toEqual({ agent_id: 'mailer:eu.1', deleted: true, keys_revoked: 0, sessions_closed: 0 });
    for (const answer of [await agents('GET', '/mailer:eu.1'), await agents('DELETE', '/mailer:eu.1')]) {
      expect(summarise(answer)).toBe('404 agent_not_found');
    }
  });

  it('lists everything, or pages that together hold each agent once', async () => {
    for (const name of ['p-1', 'p-2', 'p-3', 'p-4']) await agents('POST', '', { agent_id: name, allowed_scopes: [] });
    const idsOf = (answer: Answer) => answer.body.agents.map((agent: { agent_id: string }) => agent.agent_id);
    const all = await agents('GET', '');
    expect(idsOf(all)).toEqual(expect.arrayContaining(['p-1', 'p-2', 'p-3', 'p-4']));
    expect(all.body.next_cursor).toBeUndefined();
    const pages: string[][] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: Answer = await agents('GET', `?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      pages.push(idsOf(page));
      cursor = page.body.next_cursor;
    }
    expect(pages.flat()).toEqual(idsOf(all));
    expect(pages.slice(0, -1).every((page) => page.length === 2)).toBe(true);
    expect(idsOf(await agents('GET', '?cursor=p-2&limit=500'))).toEqual(['p-3', 'p-4']);
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=501', 'limit'],
    ['limit=two', 'limit'],
    [`cursor=${'c'.repeat(129)}`, 'cursor'],
    ['after=p-1', 'after'],
    ['active=true', 'active'],
  ])('does not list with %s', async (query, path) => {
    const refused = await agents('GET', `?${query}`);
    expect(summarise(refused)).toBe('400 invalid_request');
    expect(refused.body.details[0].path).toBe(path);
  });

  it.each([
    [{ allowed_scopes: [] }, 'agent_id'],
    [{ agent_id: '-leading', allowed_scopes: [] }, 'agent_id'],
    [{ agent_id: 'a b', allowed_scopes: [] }, 'agent_id'],
    [{ agent_id: 'a'.repeat(129), allowed_scopes: [] }, 'agent_id'],
    [{ agent_id: 'ok' }, 'allowed_scopes'],
    [{ agent_id: 'ok', allowed_scopes: ['two words'] }, 'allowed_scopes[0]'],
    [{ agent_id: 'ok', allowed_scopes: 'mail' }, 'allowed_scopes'],
    [{ agent_id: 'ok', allowed_scopes: [], allowed_providers: ['Not a name'] }, 'allowed_providers[0]'],
    [{ agent_id: 'ok', allowed_scopes: [], description: 'null \u0000' }, undefined],
    [{ agent_id: 'ok', allowed_scopes: [], display_name: 'a\u202eb' }, 'display_name'],
    [{ agent_id: 'ok', allowed_scopes: [], metadata: { text: 'x'.repeat(5_000) } }, 'metadata'],
    [{ agent_id: 'ok', allowed_scopes: [], active: false }, 'active'],
    [{ agent_id: 'ok', allowed_scopes: [], scopes: [] }, 'scopes'],
  ])('names what is wrong with %j', async (body, path) => {
    const refused = await agents('POST', '', body);
    expect(summarise(refused)).toBe('400 invalid_request');
    if (path !== undefined) expect(refused.body.details[0].path).toBe(path);
    expect(summarise(await agents('GET', '/ok'))).toBe('404 agent_not_found');
  });

  it('refuses a second agent of one id, also when both come at once', async () => {
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() => agents('POST', '', { agent_id: 'only-one', allowed_scopes: [] })),
    );
    expect(answers.map(summarise).sort()).toEqual(['201', ...Array(3).fill('409 agent_exists')]);
  });

  it('gives an agent several keys, shown once, and revokes them one by one or all with the agent', async () => {
    const agent = await registerAgent(stack, { allowed_scopes: ['read'] });
    expect(agent.key).toMatch(/^nxk_[0-9A-Za-z]{49}$/);
    const second = await createAgentKey(stack, agent.agentId, { name: 'next', expires_at: '2100-01-01T00:00:00Z' });
    const listed = await agents('GET', `/${agent.agentId}/keys`);
    expect(listed.body.keys).toHaveLength(2);
    expect(JSON.stringify(listed.body)).not.toContain(agent.key);
    expect(listed.body.keys[1]).toMatchObject({
      id: second.keyId,
      name: 'next',
      role: 'agent',
      agent_id: agent.agentId,
    });
    const revoked = await agents('DELETE', `/${agent.agentId}/keys/${agent.keyId}`);
    expect(revoked.body).toEqual({ id: agent.keyId, revoked_at: expect.any(String), sessions_closed: 0 });
    const status = (key: string) => stack.gateway('GET', '/v1/agent-sessions/sess_x', { key });
    expect(summarise(await status(agent.key))).toBe('401 invalid_api_key');
    expect(summarise(await status(second.key))).toBe('404 session_not_found');
    expect((await agents('DELETE', `/${agent.agentId}`)).body.keys_revoked).toBe(1);
    expect(summarise(await status(second.key))).toBe('401 invalid_api_key');
    expect(summarise(await agents('POST', `/${agent.agentId}/keys`, {}))).toBe('404 agent_not_found');
  });

  it.each([
    [{ expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
    [{ expires_at: 'tomorrow' }, 'expires_at'],
    [{ expires_at: '2100-01-01' }, 'expires_at'],
    [{ name: '' }, 'name'],
    [{ name: 'n'.repeat(129) }, 'name'],
    [{ name: 'a\u202eb' }, 'name'],
    [{ name: ' led by a space' }, 'name'],
    [{ name: null }, 'name'],
    [{ role: 'admin' }, 'role'],
    [{ agent_id: 'another-agent' }, 'agent_id'],
  ])('gives no key for %j, and names what is wrong', async (body, path) => {
    const agent = await registerAgent(stack, { allowed_scopes: [] });
    const refused = await agents('POST', `/${agent.agentId}/keys`, body);
    expect(summarise(refused)).toBe('400 invalid_request');
    expect(refused.body.details[0].path).toBe(path);
    expect((await agents('GET', `/${agent.agentId}/keys`)).body.keys).toHaveLength(1);
  });

  it("does not revoke another agent's key, nor another role's", async () => {
    const [one, two] = [
      await registerAgent(stack, { allowed_scopes: [] }),
      await registerAgent(stack, { allowed_scopes: [] }),
    ];
    const app = await createKey(stack, 'app');
    for (const foreign of [two.keyId, app.id, 'unknown']) {
      expect(summarise(await agents('DELETE', `/${one.agentId}/keys/${foreign}`))).toBe('404 key_not_found');
    }
  });

  it('does not bring the keys of a deregistered agent back with its id', async () => {
    const agent = await registerAgent(stack, { allowed_scopes: ['read'] });
    await agents('DELETE', `/${agent.agentId}`);
    await agents('POST', '', { agent_id: agent.agentId, allowed_scopes: ['read'] });
    const answer = await stack.gateway('GET', '/v1/agent-sessions/sess_x', { key: agent.key });
    expect(summarise(answer)).toBe('401 invalid_api_key');
  });

  it('A10: records every change with who made it', async () => {
    const agent = await registerAgent(stack, { allowed_scopes: ['read'] });
    await agents('PATCH', `/${agent.agentId}`, { allowed_scopes: ['read', 'write'], description: 'more' });
    await agents('DELETE', `/${agent.agentId}/keys/${agent.keyId}`);
    await agents('DELETE', `/${agent.agentId}`);
    const recorded = await events(`agent_id=${agent.agentId}`);
    expect(recorded.map((event: { event_type: string }) => event.event_type)).toEqual([
      'agent.registered',
      'key.created',
      'agent.updated',
      'key.revoked',
      'agent.deregistered',
    ]);
    expect(recorded[2]).toMatchObject({
      actor: { type: 'key', key_hint: operatorKey.slice(-4) },
      data: { fields: ['description', 'allowed_scopes'], allowed_scopes: ['read', 'write'], sessions_closed: 0 },
    });
    expect(JSON.stringify(recorded)).not.toContain(agent.key);
  });
});
