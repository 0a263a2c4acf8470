import { createToken, type TokenPrefix } from '@nexus/core/tokens';
import { type Script, type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readThrough, summarise } from '../support/agents.js';
import { type Requested, readAudit } from '../support/fixtures.js';
import { type Forger, foreignPrefix, forgedTokens, maxTokenLength, signFit } from '../support/forged-user-tokens.js';
import { findSecrets, type Place, type PlantedSecret } from '../support/secret-search.js';
import { engines, type Stack } from '../support/stack.js';
import { startUserIssuer, type UserIssuer } from '../support/user-issuer.js';
import { startUserTokenWorld, type UserTokenWorld } from '../support/user-token-world.js';
import { waitFor } from '../support/wait.js';

function place(name: string, text: string): Place {
  return { name, bytes: Buffer.from(text, 'utf8') };
}

/** The whole of a token, and each of its parts that says something. */
function listSecrets(label: string, token: string): PlantedSecret[] {
  const parts = token.split('.').filter((part) => part.length >= 40 && part !== token);
  return [token, ...parts.slice(1)].map((value) => ({ label, value }));
}

describe.each(engines)('B10: a user token that is forged or unfit, on %s', (engine) => {
  let world: UserTokenWorld;
  let stack: Stack;
  let issuer: UserIssuer;
  let foreign: UserIssuer;
  let connection: Requested;
  let forger: Forger;
  const secrets: PlantedSecret[] = [];

  beforeAll(async () => {
    world = await startUserTokenWorld(engine);
    ({ stack } = world);
    issuer = await startUserIssuer(stack, { registration: { workspace_prefix: 'staff:' } });
    foreign = await startUserIssuer(stack, { registration: { workspace_prefix: `staff:${foreignPrefix}` } });
    connection = await world.connect('staff:victim');
    const spent = await signFit({ issuer });
    const opened = await world.ask(connection, spent);
    const connectionId = connection.connection_id;
    forger = { issuer, agent: world.agent, connectionId, sessionToken: opened.body.access_token, spent };
  });
  afterAll(async () => {
    await world.close();
    await Promise.all([issuer.close(), foreign.close()]);
  });

  /** All that were ever opened. */
  async function listSessions(): Promise<readonly string[]> {
    const { body } = await stack.broker('GET', '/admin/v1/sessions?limit=500');
    return body.sessions.map((session: { session_id: string }) => session.session_id);
  }

  it('B10: of which there are at least twenty', () => {
    expect(forgedTokens.length).toBeGreaterThanOrEqual(24);
    expect(new Set(forgedTokens.map(([, fault]) => fault)).size).toBeGreaterThanOrEqual(15);
  });

  it.each(forgedTokens)('B10: with %s is refused and recorded as %s', async (name, fault, forge) => {
    const token = await forge(forger);
    secrets.push(...listSecrets(name, token));
    const before = await listSessions();
    const refused = await world.ask(connection, token);
    expect(summarise(refused)).toBe('401 invalid_user_context_token');
    expect(refused.body.message).toMatch(/^[A-Z][^.]{10,100}\.$/);
    expect(findSecrets([place('answer', JSON.stringify(refused.body))], listSecrets(name, token))).toEqual([]);
    expect(await listSessions()).toEqual(before);
    const event = await world.findRefusal(refused);
    expect(event).toMatchObject({
      outcome: 'refused',
      agent_id: world.agent.agentId,
      actor: { type: 'key', id: world.agent.keyId, key_hint: world.agent.key.slice(-4) },
      data: { code: 'invalid_user_context_token', cause: fault, obo: true, scopes: world.scopes },
    });
    // What the token says of its user is believed, and recorded, only once it is proven.
    const isProven = fault === 'replayed';
    expect(['acting_for' in event, 'sub' in event.data, 'connection_ref' in event]).toEqual(Array(3).fill(isProven));
  });

  it('B10: that is longer than any may be is refused before it is looked at', async () => {
    const token = await signFit(forger, { profile: 'x'.repeat(maxTokenLength) });
    secrets.push(...listSecrets('a token that is too long', token));
    const before = await listSessions();
    const refused = await world.ask(connection, token);
    expect(summarise(refused)).toBe('400 invalid_request');
    expect(refused.body.details).toEqual([{ path: 'user_context_token', message: expect.any(String) }]);
    expect(findSecrets([place('answer', JSON.stringify(refused.body))], secrets)).toEqual([]);
    expect(await listSessions()).toEqual(before);
  });

  it('B10: leaves nothing of itself in the audit log nor in the logs', async () => {
    const audit = (await stack.broker('GET', '/audit?limit=500')).body;
    expect(audit.next_cursor).toBeUndefined();
    expect(secrets.length).toBeGreaterThan(forgedTokens.length);
    const places = [place('audit', JSON.stringify(audit)), place('logs', stack.logs())];
    expect(findSecrets(places, secrets)).toEqual([]);
    const known = [{ label: 'ref', value: connection.connection_ref }];
    expect(findSecrets(places, known), 'the search finds what is there').not.toEqual([]);
  });

  it('B10: does not stand in the way of one that is fit', async () => {
    const opened = await world.ask(connection, await signFit(forger));
    expect(opened.status).toBe(201);
    expect((await readThrough(stack, opened.body)).status).toBe(200);
  });
});

describe.each(engines)('B10: a user token whose keys cannot be had, on %s', (engine) => {
  let world: UserTokenWorld;
  let canary: UserIssuer;
  beforeAll(async () => {
    world = await startUserTokenWorld(engine);
    canary = await startUserIssuer(world.stack, { registration: { workspace_prefix: 'canary:' } });
  });
  afterAll(async () => {
    await world.close();
    await canary.close();
  });

  it.concurrent.each<readonly [string, (issuer: UserIssuer) => Script]>([
    ['hangs up', () => ({ drop: 'before' })],
    ['is in trouble', () => ({ status: 503, headers: { 'retry-after': '7' } })],
    ['never answers', () => ({ endless: 'silent' })],
    ['sends elsewhere', () => ({ status: 302, headers: { location: canary.server.url('/jwks') } })],
    ['sends elsewhere at home', (issuer) => ({ status: 307, headers: { location: issuer.server.url('/moved') } })],
    ['answers with a page', () => ({ body: '<!doctype html>' })],
    ['answers with no keys', () => ({ body: {} })],
  ])('B10: as its issuer %s, is neither believed nor blamed, and good again later', async (what, fail) => {
    const prefix = `${what.replaceAll(' ', '-')}:`;
    const issuer = await startUserIssuer(world.stack, { registration: { workspace_prefix: prefix } });
    try {
      const keySet = await (await fetch(issuer.server.url('/jwks'))).json();
      issuer.server.answer('/jwks', fail(issuer));
      issuer.server.answer('/moved', { body: keySet });
      const connection = await world.connect(`${prefix}victim`);
      const token = await signFit({ issuer });
      const refused = await world.ask(connection, token);
      expect(summarise(refused)).toBe('503 user_verification_unavailable');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(what === 'is in trouble' ? 7 : 1);
      expect([...canary.server.requests('/jwks'), ...issuer.server.requests('/moved')]).toEqual([]);
      const { data } = await world.findRefusal(refused);
      expect(data).toMatchObject({ code: 'user_verification_unavailable', obo: true });

      issuer.server.answer('/jwks', { body: keySet });
      const opened = await waitFor('a session', async () => {
        const answer = await world.ask(connection, token);
        return answer.status === 503 ? null : answer;
      });
      expect(opened.status).toBe(201);
      const last = (await readAudit(world.stack, connection.connection_ref)).at(-1);
      expect(last).toMatchObject({ event_type: 'session.created', acting_for: 'victim' });
    } finally {
      await issuer.close();
    }
  });
});

describe.each(engines)('B10: what the verification endpoint never sees, on %s', (engine) => {
  let endpoint: ScriptedProvider;
  let world: UserTokenWorld;
  let issuer: UserIssuer;
  let foreign: UserIssuer;
  let connection: Requested;
  let forger: Forger;

  beforeAll(async () => {
    endpoint = await startScriptedProvider();
    world = await startUserTokenWorld(engine, {
      USER_VERIFICATION_URL: endpoint.url('/verify'),
      USER_VERIFICATION_WORKSPACE_PREFIX: 'ext:',
    });
    issuer = await startUserIssuer(world.stack, { registration: { workspace_prefix: 'staff:' } });
    foreign = await startUserIssuer(world.stack, { registration: { workspace_prefix: `staff:${foreignPrefix}` } });
    connection = await world.connect('staff:victim');
    const spent = await signFit({ issuer });
    const opened = await world.ask(connection, spent);
    const connectionId = connection.connection_id;
    forger = { issuer, agent: world.agent, connectionId, sessionToken: opened.body.access_token, spent };
    // It would vouch for anybody, so whatever is refused was refused without it.
    vouchFor('victim');
  });
  afterAll(async () => {
    await world.close();
    await Promise.all([endpoint.close(), issuer.close(), foreign.close()]);
  });

  it('a fit token of a registered issuer', async () => {
    expect(summarise(await world.ask(connection, await signFit(forger)))).toBe('201');
    expect(endpoint.connectionCount()).toBe(0);
  });

  const opaque = 'opaque-token-of-somebody';
  const vouchFor = (user_id: string) =>
    endpoint.answer('/verify', {
      body: { user_id, tenant_id: 'acme', clearance_level: 2, permissions: world.scopes },
    });

  /** Tokens in which nobody can find a registered issuer. */
  const others = ['no issuer', 'plain garbage', 'a very long text'];
  const judgedHere = forgedTokens.filter(([name, fault]) => fault !== 'unknown_issuer' && !others.includes(name));

  it.each(judgedHere)('what a forger shows with %s', async (_name, _fault, forge) => {
    expect(summarise(await world.ask(connection, await forge(forger)))).toBe('401 invalid_user_context_token');
    expect(endpoint.connectionCount()).toBe(0);
  });

  it.each<readonly [string, (token: string) => string]>([
    ['behind a scheme', (token) => `Bearer ${token}`],
    ['behind a scheme and a colon', (token) => `Bearer:${token}`],
    ['without its signature', (token) => token.split('.').slice(0, 2).join('.')],
    ['with more parts', (token) => `${token}.e30.e30`],
    ['as its payload alone', (token) => token.split('.')[1] ?? ''],
    ['with other separators', (token) => token.replaceAll('.', '~')],
    ['with padding', (token) => token.replaceAll('.', '==.')],
    ['in the other base64', (token) => token.replaceAll('-', '+').replaceAll('_', '/')],
    [
      'as flattened JSON',
      (token) => {
        const [header, payload, signature] = token.split('.');
        return JSON.stringify({ protected: header, payload, signature });
      },
    ],
  ])('a token of a registered issuer %s', async (_how, disguise) => {
    const token = disguise(await signFit(forger));
    expect(summarise(await world.ask(connection, token))).toBe('401 invalid_user_context_token');
    expect(endpoint.connectionCount()).toBe(0);
  });

  it.each<TokenPrefix>(['nxa', 'nxc', 'nxg', 'nxk', 'nxp', 'nxs', 'nxt', 'nxu'])(
    'a value like our %s_',
    async (prefix) => {
      const value = createToken(prefix);
      for (const token of [value, value.slice(0, -1), `Bearer:${value}`, `{"token":"${value}"}`]) {
        expect(summarise(await world.ask(connection, token))).toBe('401 invalid_user_context_token');
      }
      expect(endpoint.connectionCount()).toBe(0);
    },
  );

  it('while it sees a token whose issuer is not registered, and rules over its own prefix only', async () => {
    const token = await signFit(forger, { iss: 'https://id.example' });
    expect(summarise(await world.ask(connection, token))).toBe('404 connection_not_found');
    expect(endpoint.requests('/verify').map(({ body }) => JSON.parse(body))).toEqual([{ token }]);
    vouchFor('staff:victim');
    expect(summarise(await world.ask(connection, opaque))).toBe('404 connection_not_found');
    const own = await world.connect('ext:ada');
    vouchFor('ada');
    expect(summarise(await world.ask(own, opaque))).toBe('201');
  });
});
