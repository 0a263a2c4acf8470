import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey, type Requested, requestConnection } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import {
  answerAuthorization,
  connectScripted,
  registerScriptedOauth,
  type ScriptedOauth,
} from '../support/scripted-oauth.js';
import { expireFlow, setAccessExpiry } from '../support/sql.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';

/** What each status answers at the routes that read, renew, show, reopen and select a connection. */
const table = {
  pending: {
    check: '200 pending',
    token: '409 connection_not_active pending',
    refresh: '409 connection_not_active pending',
    resolve: '409 connection_not_active pending',
    reconnect: '200',
  },
  active: { check: '200 active', token: '200', refresh: '200', resolve: '200', reconnect: '200' },
  attention: {
    check: '200 attention grant_revoked',
    token: '409 attention_required attention grant_revoked',
    refresh: '409 attention_required attention grant_revoked',
    resolve: '409 attention_required attention grant_revoked',
    reconnect: '200',
  },
  refused: {
    check: '200 failed access_denied',
    token: '409 connection_not_active failed access_denied',
    refresh: '409 connection_not_active failed access_denied',
    resolve: '409 connection_not_active failed access_denied',
    reconnect: '200',
  },
  'run out': {
    check: '200 failed expired',
    token: '409 connection_not_active failed expired',
    refresh: '409 connection_not_active failed expired',
    resolve: '409 connection_not_active failed expired',
    reconnect: '200',
  },
  revoked: {
    check: '200 revoked',
    token: '410 connection_revoked revoked',
    refresh: '410 connection_revoked revoked',
    resolve: '404 connection_not_found',
    reconnect: '409 connection_revoked revoked',
  },
} as const;

type State = keyof typeof table;

describe.each(engines)('the status of a connection on %s', (engine) => {
  let stack: Stack;
  let provider: ScriptedOauth;
  let appKey: string;

  beforeAll(async () => {
    stack = await startStack({ engine });
    provider = await registerScriptedOauth(stack);
    appKey = (await createKey(stack, 'app')).key;
  });
  afterAll(async () => {
    await stack.close();
    await provider.close();
  });

  /** Brings a connection of a workspace of its own into a state by what really leads there. */
  async function reach(state: State): Promise<{ requested: Requested; workspace: string }> {
    const workspace = `workspace of ${state}`;
    const answer = await stack.gateway('POST', '/v1/request-connection', {
      key: appKey,
      body: { workspace_id: workspace, provider_name: 'scripted', return_url: 'http://127.0.0.1:1/return' },
    });
    const requested = answer.body as Requested;
    if (state === 'pending') return { requested, workspace };
    const person = new Person(stack.gatewayUrl);
    const hop = await person.press(requested.auth_url);
    if (state === 'run out') await expireFlow(stack, requested.connection_ref);
    const parameters = state === 'refused' ? { error: 'access_denied' } : { code: 'code-state-1' };
    await person.open(answerAuthorization(hop.location, parameters as Record<string, string>));
    if (state === 'attention') {
      provider.server.enqueue('/token', { status: 400, body: { error: 'invalid_grant' } });
      await stack.gateway('POST', `/v1/refresh/${requested.connection_id}`);
    }
    if (state === 'revoked')
      await stack.gateway('DELETE', `/v1/connections/${requested.connection_id}`, { key: appKey });
    return { requested, workspace };
  }

  function summarise({ status, body }: Answer, withState: boolean): string {
    const parts = [status, body.code, body.status, body.reason?.code];
    return (withState ? parts : parts.slice(0, 2)).filter((part) => part !== undefined).join(' ');
  }

  it.each(Object.keys(table) as State[])('B4: %s is answered with its own code at every route', async (state) => {
    const { requested, workspace } = await reach(state);
    const id = requested.connection_id;
    const seen = {
      check: summarise(await stack.gateway('GET', `/v1/check-connection/${id}`), true),
      token: summarise(await stack.gateway('GET', `/v1/token/${id}`), true),
      refresh: summarise(await stack.gateway('POST', `/v1/refresh/${id}`), true),
      resolve: summarise(
        await stack.gateway('GET', `/v1/resolve?workspace_id=${encodeURIComponent(workspace)}&provider_name=scripted`, {
          key: appKey,
        }),
        true,
      ),
      reconnect: summarise(
        await stack.gateway('POST', '/v1/request-connection', {
          body: {
            workspace_id: workspace,
            provider_name: 'scripted',
            return_url: 'http://127.0.0.1:1/return',
            connection_id: id,
          },
        }),
        true,
      ),
    };
    expect(seen).toEqual(table[state]);
    const deleted = await stack.gateway('DELETE', `/v1/connections/${id}`, { key: appKey });
    expect(deleted.body).toMatchObject({ status: 'revoked', already_revoked: state === 'revoked' });
    expect((await stack.gateway('GET', `/v1/token/${id}`)).status).toBe(410);
  });

  it('a reconnect keeps workspace and provider: others are refused, and nothing changes', async () => {
    const { requested } = await reach('active');
    await registerScriptedOauth(stack, { name: 'elsewhere' }).then((other) => other.close());
    for (const change of [{ workspace_id: 'another' }, { provider_name: 'elsewhere' }]) {
      const refused = await stack.gateway('POST', '/v1/request-connection', {
        body: {
          workspace_id: 'workspace of active',
          provider_name: 'scripted',
          return_url: 'http://127.0.0.1:1/return',
          connection_id: requested.connection_id,
          ...change,
        },
      });
      expect([refused.status, refused.body.code]).toEqual([400, 'invalid_request']);
    }
    expect((await stack.gateway('GET', `/v1/token/${requested.connection_id}`)).status).toBe(200);
  });

  it('a waiting poll is answered as soon as the person has finished, and at once when nothing is pending', async () => {
    const requested = await requestConnection(stack, { provider_name: 'scripted' });
    const held = stack.gateway('GET', `/v1/check-connection/${requested.connection_id}?wait=20`);
    const person = new Person(stack.gatewayUrl);
    const hop = await person.press(requested.auth_url);
    await person.open(answerAuthorization(hop.location, { code: 'code-waited-1' }));
    const startedAt = Date.now();
    expect((await held).body).toMatchObject({ status: 'active', account: { subject: 'waited' } });
    const again = await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}?wait=20`);
    expect(again.body.status).toBe('active');
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    const pending = await requestConnection(stack, { provider_name: 'scripted' });
    const timed = await stack.gateway('GET', `/v1/check-connection/${pending.connection_id}?wait=1`);
    expect(timed.body.status).toBe('pending');
  });

  it('B4: a token is never handed out at or past its end', async () => {
    const requested = await connectScripted(stack, provider, 'ending');
    provider.failTokens({ status: 503 });
    await setAccessExpiry(stack, requested.connection_ref, 4);
    const statuses: number[] = [];
    let answer: Answer;
    do {
      answer = await stack.gateway('GET', `/v1/token/${requested.connection_id}`);
      statuses.push(answer.status);
    } while (answer.status === 200);
    provider.failTokens(null);
    expect([answer.status, answer.body.code]).toEqual([502, 'provider_unavailable']);
    expect(statuses[0]).toBe(200);
  });
});
