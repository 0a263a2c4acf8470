import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createKey,
  type Requested,
  readAudit,
  registerOpenidProvider,
  requestConnection,
} from '../support/fixtures.js';
import { Person } from '../support/person.js';
import {
  answerAuthorization,
  connectAs,
  connectScripted,
  registerScriptedOauth,
  type ScriptedOauth,
} from '../support/scripted-oauth.js';
import { readSealed, runSql } from '../support/sql.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

const races = 20;

describe.each(engines)('deleting a connection on %s', (engine) => {
  let stack: Stack;
  /** What a revocation kills is unknown, as for most providers. */
  let shared: ScriptedOauth;
  /** A revocation kills that token alone. */
  let precise: ScriptedOauth;
  let operatorKey: string;
  let appKey: string;
  let otherAppKey: string;

  beforeAll(async () => {
    stack = await startStack({ engine });
    shared = await registerScriptedOauth(stack, { name: 'shared' });
    precise = await registerScriptedOauth(stack, { name: 'precise', profile: { revoke: { kills: 'token' } } });
    operatorKey = (await createKey(stack, 'operator')).key;
    appKey = (await createKey(stack, 'app')).key;
    otherAppKey = (await createKey(stack, 'app')).key;
  });
  afterAll(async () => {
    await stack.close();
    await shared.close();
    await precise.close();
  });

  const remove = (id: string, key = operatorKey, query = ''): Promise<Answer> =>
    stack.gateway('DELETE', `/v1/connections/${id}${query}`, { key });
  const readToken = (requested: Requested) => stack.gateway('GET', `/v1/token/${requested.connection_id}`);
  const check = (requested: Requested) => stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`);
  const tokensOf = async (requested: Requested, login: string): Promise<string[]> => {
    const { access_token } = (await readToken(requested)).body.credentials;
    return [access_token.replace(`at-${login}`, `rt-${login}`), access_token];
  };

  /** Starts a connection in the name of an application's key. */
  async function requestAs(key: string, body: Readonly<Record<string, unknown>>): Promise<Requested> {
    const answer = await stack.gateway('POST', '/v1/request-connection', {
      key,
      body: { workspace_id: 'workspace-1', return_url: 'http://127.0.0.1:1/return', ...body },
    });
    expect(answer.status).toBe(200);
    return answer.body as Requested;
  }

  it('a real provider sees the grant revoked: its tokens are dead there', async () => {
    const { provider } = await registerOpenidProvider(stack, { name: 'real' });
    try {
      const requested = await requestConnection(stack, { provider_name: 'real' });
      await new Person(stack.gatewayUrl).connect(requested.auth_url, provider, 'ada');
      const token = (await readToken(requested)).body.credentials.access_token;
      expect(await provider.isTokenActive(token)).toBe(true);
      const deleted = await remove(requested.connection_id);
      expect(deleted.status).toBe(200);
      expect(deleted.body).toMatchObject({ provider_revoked: true, already_revoked: false });
      expect(provider.revokedTokens()).toContain(token);
      expect(provider.revokedTokens()).toHaveLength(2);
      for (const revoked of provider.revokedTokens()) expect(await provider.isTokenActive(revoked)).toBe(false);
      expect(provider.countRefreshTokens()).toBe(0);
    } finally {
      await provider.close();
    }
  });

  it('answers what was done, erases the credential, and every route says so afterwards', async () => {
    const requested = await connectScripted(stack, shared, 'solo');
    const tokens = await tokensOf(requested, 'solo');
    const deleted = await remove(requested.connection_id, operatorKey, '?reason=left%20the%20company');
    expect(deleted.status).toBe(200);
    expect(deleted.body).toEqual({
      connection_ref: requested.connection_ref,
      status: 'revoked',
      revoked_at: expect.stringMatching(/^\d{4}-.*Z$/),
      already_revoked: false,
      provider_revoked: true,
      sessions_closed: 0,
    });
    expect(shared.revoked().slice(-2)).toEqual(tokens);
    expect(await readSealed(stack, requested.connection_ref)).toBeNull();

    const token = await readToken(requested);
    expect(token.status).toBe(410);
    expect(token.body).toMatchObject({ code: 'connection_revoked', status: 'revoked' });
    expect((await stack.gateway('POST', `/v1/refresh/${requested.connection_id}`)).status).toBe(410);
    expect((await check(requested)).body).toMatchObject({ status: 'revoked', reason: null, scopes: [] });
    const reconnect = await stack.gateway('POST', '/v1/request-connection', {
      body: {
        workspace_id: 'workspace-1',
        provider_name: 'shared',
        return_url: 'http://127.0.0.1:1/return',
        connection_id: requested.connection_id,
      },
    });
    expect(reconnect.status).toBe(409);
    expect(reconnect.body).toMatchObject({ code: 'connection_revoked', status: 'revoked' });
    const ending = (await readAudit(stack, requested.connection_ref)).find(
      (event) => event.event_type === 'connection.revoked',
    );
    expect(ending).toMatchObject({
      data: { reason: 'left the company', provider_revoked: true, provider_revocation_error: null },
    });
  });

  it('is idempotent: the second deletion changes nothing and asks the provider nothing', async () => {
    const requested = await connectScripted(stack, shared, 'twice');
    const first = await remove(requested.connection_id);
    const asked = shared.revoked().length;
    const second = await remove(requested.connection_id);
    expect(second.status).toBe(200);
    expect(second.body).toMatchObject({
      connection_ref: requested.connection_ref,
      status: 'revoked',
      already_revoked: true,
      provider_revoked: false,
      revoked_at: first.body.revoked_at,
    });
    expect(shared.revoked()).toHaveLength(asked);
    const events = (await readAudit(stack, requested.connection_ref)).filter(
      (event) => event.event_type === 'connection.revoked',
    );
    expect(events).toHaveLength(1);
  });

  it('of many deletions at once exactly one did it', async () => {
    const requested = await connectScripted(stack, shared, 'parallel');
    const answers = await Promise.all(Array.from({ length: 16 }, () => remove(requested.connection_id)));
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
    expect(answers.filter((answer) => !answer.body.already_revoked)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.body.revoked_at)).size).toBe(1);
  });

  it('spares the sibling connection of the same person where a revocation could take it along', async () => {
    const wanted = await connectScripted(stack, shared, 'twin');
    const unwanted = await connectScripted(stack, shared, 'twin', { workspace_id: 'workspace-2' });
    const asked = shared.revoked().length;
    const deleted = await remove(unwanted.connection_id);
    expect(deleted.body).toMatchObject({ provider_revoked: false, provider_revocation_error: 'shared_grant' });
    expect(shared.revoked()).toHaveLength(asked);
    expect((await readToken(unwanted)).status).toBe(410);
    expect((await readToken(wanted)).status).toBe(200);
    const last = await remove(wanted.connection_id);
    expect(last.body).toMatchObject({ provider_revoked: true });
    expect(shared.revoked().slice(asked)).toHaveLength(2);
  });

  it('another person at the same provider is no sibling', async () => {
    await connectScripted(stack, shared, 'bystander');
    const requested = await connectScripted(stack, shared, 'leaver');
    expect((await remove(requested.connection_id)).body).toMatchObject({ provider_revoked: true });
  });

  it('an account whose subject is unknown counts as shared, on either side', async () => {
    const blind = await registerScriptedOauth(stack, { name: 'blind', profile: { user_info_endpoint: null } });
    try {
      const one = await connectScripted(stack, blind, 'anyone');
      const two = await connectScripted(stack, blind, 'anybody');
      expect((await check(one)).body.account).toBeNull();
      expect((await remove(one.connection_id)).body).toMatchObject({ provider_revocation_error: 'shared_grant' });
      expect((await remove(two.connection_id)).body).toMatchObject({ provider_revoked: true });
      const known = await connectScripted(stack, shared, 'known');
      await runSql(stack, 'update connection set account_subject = null where connection_ref = ?', [
        known.connection_ref,
      ]);
      const other = await connectScripted(stack, shared, 'other');
      expect((await remove(other.connection_id)).body).toMatchObject({ provider_revocation_error: 'shared_grant' });
      await remove(known.connection_id);
    } finally {
      await blind.close();
    }
  });

  it("where a revocation kills one token only, it revokes exactly the deleted connection's tokens", async () => {
    const wanted = await connectScripted(stack, precise, 'twin');
    const unwanted = await connectScripted(stack, precise, 'twin');
    const tokens = await tokensOf(unwanted, 'twin');
    const asked = precise.revoked().length;
    const deleted = await remove(unwanted.connection_id);
    expect(deleted.body).toMatchObject({ provider_revoked: true });
    expect(precise.revoked().slice(asked)).toEqual(tokens);
    expect((await readToken(wanted)).status).toBe(200);
  });

  it.each([
    ['a failing provider', { status: 503 }, 'http_503'],
    [
      'a provider that refuses in its own words',
      { status: 400, body: { error: 'invalid_request' } },
      'invalid_request',
    ],
    ['a provider that hangs up', { drop: 'before' as const }, 'unreachable'],
  ])('%s does not keep the credential here, and the answer says why', async (_name, script, expected) => {
    const requested = await connectScripted(stack, shared, `outage${expected.length}`);
    shared.server.enqueue('/revoke', script);
    const deleted = await remove(requested.connection_id);
    expect(deleted.status).toBe(200);
    expect(deleted.body).toMatchObject({
      status: 'revoked',
      provider_revoked: false,
      provider_revocation_error: expected,
    });
    expect(await readSealed(stack, requested.connection_ref)).toBeNull();
    expect((await readToken(requested)).status).toBe(410);
  });

  it('a ref opens it for operators and admins only', async () => {
    const requested = await requestAs(appKey, { provider_name: 'shared' });
    await connectAs(stack, requested, 'byref');
    const byApp = await remove(requested.connection_ref, appKey);
    expect(byApp.status).toBe(404);
    expect(byApp.body.code).toBe('connection_not_found');
    expect((await check(requested)).body.status).toBe('active');
    const byOperator = await remove(requested.connection_ref, operatorKey);
    expect(byOperator.body).toMatchObject({ connection_ref: requested.connection_ref, already_revoked: false });
    const direct = await stack.broker('DELETE', `/admin/v1/connections/${requested.connection_ref}`);
    expect(direct.body).toMatchObject({ already_revoked: true });
  });

  it('B6: an application deletes what it started, and a foreign connection looks like a missing one', async () => {
    const own = await requestAs(appKey, { provider_name: 'shared' });
    await connectAs(stack, own, 'appowned');
    const foreign = await remove(own.connection_id, otherAppKey);
    const missing = await remove(`${own.connection_id.slice(0, -1)}_`, otherAppKey);
    expect(foreign.status).toBe(404);
    expect({ ...foreign.body, request_id: '' }).toEqual({ ...missing.body, request_id: '' });
    const anonymous = await connectScripted(stack, shared, 'anon');
    expect((await remove(anonymous.connection_id, appKey)).status).toBe(404);
    expect((await check(anonymous)).body.status).toBe('active');
    expect((await remove(own.connection_id, appKey)).body).toMatchObject({ already_revoked: false });
  });

  it('a deletion while the person is at the provider wins: the answer stores nothing and its grant is revoked', async () => {
    const requested = await requestConnection(stack, { provider_name: 'shared' });
    const person = new Person(stack.gatewayUrl);
    const hop = await person.press(requested.auth_url);
    await remove(requested.connection_id);
    const asked = shared.revoked().length;
    const returned = await person.open(answerAuthorization(hop.location, { code: 'code-late-1' }));
    expect(new URL(returned.location).searchParams.get('status')).toBe('failed');
    expect((await check(requested)).body.status).toBe('revoked');
    expect(
      shared
        .revoked()
        .slice(asked)
        .every((token) => token.includes('-late-')),
    ).toBe(true);
    expect(shared.revoked().slice(asked)).toHaveLength(2);
  });

  it('R18: a token refreshed while the deletion asks the provider is revoked there too', async () => {
    const requested = await connectScripted(stack, precise, 'overtaken');
    const asked = precise.revoked().length;
    precise.server.enqueue('/revoke', { status: 200, delayMs: 400 });
    const deletion = remove(requested.connection_id);
    await waitFor('the revocation to begin', () => (precise.revoked().length > asked ? true : null));
    const refreshed = await stack.gateway('POST', `/v1/refresh/${requested.connection_id}`);
    expect(refreshed.body).toMatchObject({ refreshed: true });
    const renewed: string = refreshed.body.credentials.access_token;
    expect((await deletion).body).toMatchObject({ status: 'revoked', provider_revoked: true });
    expect(precise.revoked()).toContain(renewed);
    expect(precise.revoked()).toContain(renewed.replace('at-', 'rt-'));
    expect(await readSealed(stack, requested.connection_ref)).toBeNull();
  });

  it(`R18: ${races} deletions during a refresh are never undone by it, and no new token outlives them`, async () => {
    const asked = precise.revoked().length;
    for (let race = 0; race < races; race++) {
      const login = `race${race}`;
      const requested = await connectScripted(stack, precise, login);
      precise.server.enqueue('/token', (request) => {
        expect(request.form.get('refresh_token')).toContain(login);
        return {
          delayMs: race * 4,
          body: {
            access_token: `at-${login}-new`,
            refresh_token: `rt-${login}-new`,
            token_type: 'bearer',
            expires_in: 60,
          },
        };
      });
      const before = precise.tokenCalls('refresh_token').length;
      const [refreshed, deleted] = await Promise.all([
        stack.gateway('POST', `/v1/refresh/${requested.connection_id}`),
        waitFor('the refresh call', () => (precise.tokenCalls('refresh_token').length > before ? true : null)).then(
          () => remove(requested.connection_id),
        ),
      ]);
      expect(deleted.body).toMatchObject({ status: 'revoked' });
      expect([200, 410]).toContain(refreshed.status);
      expect((await check(requested)).body.status).toBe('revoked');
      expect(await readSealed(stack, requested.connection_ref)).toBeNull();
      await waitFor(`the new tokens of ${login} to be revoked`, () => {
        const revoked = precise.revoked().slice(asked);
        return revoked.includes(`at-${login}-new`) && revoked.includes(`rt-${login}-new`) ? true : null;
      });
    }
  });
});
