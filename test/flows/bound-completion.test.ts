import type { RunningOpenidProvider } from '@nexus/testkit/openid-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  boundReturnUrl,
  createVerifier,
  type Requested,
  readAudit,
  registerBoundOrigin,
  registerOpenidProvider,
  registerStaticProvider,
  requestConnection,
} from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { expireHandle, readSealed, runSql } from '../support/sql.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

describe.each(engines)('bound completion on %s', (engine) => {
  let stack: Stack;
  let provider: RunningOpenidProvider;

  beforeAll(async () => {
    stack = await startStack({ engine });
    ({ provider } = await registerOpenidProvider(stack));
    await registerStaticProvider(stack);
    await registerBoundOrigin(stack);
  });
  afterAll(async () => {
    await stack.close();
    await provider.close();
  });

  interface BoundFlow extends Requested {
    readonly verifier: string;
  }

  async function requestBound(body: Readonly<Record<string, unknown>> = {}): Promise<BoundFlow> {
    const { verifier, challenge } = createVerifier();
    const requested = await requestConnection(stack, {
      return_url: boundReturnUrl,
      completion_challenge: challenge,
      ...body,
    });
    return { ...requested, verifier };
  }

  async function consent(flow: Requested, login: string): Promise<string> {
    const returned = await new Person(stack.gatewayUrl).connect(flow.auth_url, provider, login);
    expect(returned.status).toBe(303);
    return readHandle(returned.location);
  }

  function readHandle(location: string): string {
    const handle = new URL(location).searchParams.get('handle') ?? '';
    expect(handle).toMatch(/^nxt_[0-9A-Za-z]{49}$/);
    return handle;
  }

  const complete = (handle: string, verifier: string): Promise<Answer> =>
    stack.gateway('POST', '/v1/complete-connection', { body: { handle, code_verifier: verifier } });
  const check = (flow: Requested) => stack.gateway('GET', `/v1/check-connection/${flow.connection_id}`);
  const readToken = (flow: Requested) => stack.gateway('GET', `/v1/token/${flow.connection_id}`);

  /** What happened to the connection, without the reads that were refused on the way. */
  const readEvents = async (flow: Requested): Promise<string[]> =>
    (await readAudit(stack, flow.connection_ref))
      .map((event) => event.event_type)
      .filter((type) => type !== 'token.retrieval_failed');

  async function waitUntilFailed(flow: Requested): Promise<void> {
    await waitFor('the uncompleted flow to be swept', async () => {
      const [row] = await runSql(stack, 'select status from connection where connection_ref = ?', [
        flow.connection_ref,
      ]);
      return row?.['status'] === 'failed' ? true : null;
    });
  }

  it('a return origin registered as bound refuses a request without a challenge, and nothing outside its prefix', async () => {
    const refused = await stack.gateway('POST', '/v1/request-connection', {
      body: { workspace_id: 'workspace-1', provider_name: 'acme', return_url: boundReturnUrl },
    });
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({ code: 'completion_required', error: 'completion_required' });
    const beside = await stack.gateway('POST', '/v1/request-connection', {
      body: { workspace_id: 'workspace-1', provider_name: 'acme', return_url: 'http://127.0.0.1:1/boundary' },
    });
    expect(beside.status).toBe(200);
  });

  it('keeps the credential unusable until the application proves its verifier, then hands out a working token', async () => {
    const flow = await requestBound();
    const handle = await consent(flow, 'ada');
    expect((await check(flow)).body).toMatchObject({ status: 'pending', account: null, scopes: [] });
    const early = await readToken(flow);
    expect(early.status).toBe(409);
    expect(early.body).toMatchObject({ code: 'connection_not_active', status: 'pending' });

    const completed = await complete(handle, flow.verifier);
    expect(completed.status).toBe(200);
    expect(completed.body).toEqual({ connection_ref: flow.connection_ref, status: 'active' });
    expect((await check(flow)).body).toMatchObject({ status: 'active', account: { subject: 'ada' } });
    const token = await readToken(flow);
    expect(await provider.isTokenActive(token.body.credentials.access_token)).toBe(true);
    expect((await readEvents(flow)).slice(-3)).toEqual([
      'connection.opened',
      'connection.activated',
      'token.retrieved',
    ]);
  });

  it('a wrong verifier burns the handle, fails the connection and revokes the grant at the provider', async () => {
    const flow = await requestBound();
    const handle = await consent(flow, 'wilma');
    const before = provider.revokedTokens().length;
    const refused = await complete(handle, createVerifier().verifier);
    expect(refused.status).toBe(400);
    expect(refused.body.code).toBe('completion_refused');
    const again = await complete(handle, flow.verifier);
    expect(again.status).toBe(400);
    expect(again.body.code).toBe('completion_refused');

    expect((await check(flow)).body).toMatchObject({ status: 'failed', reason: { code: 'not_completed' } });
    expect((await readToken(flow)).body).toMatchObject({ code: 'connection_not_active', status: 'failed' });
    const revoked = provider.revokedTokens().slice(before);
    expect(revoked.length).toBeGreaterThan(0);
    for (const token of revoked) expect(await provider.isTokenActive(token)).toBe(false);
  });

  it('a handle completes once, however many completions arrive together, and later ones change nothing', async () => {
    const flow = await requestBound();
    const handle = await consent(flow, 'single');
    const answers = await Promise.all(Array.from({ length: 32 }, () => complete(handle, flow.verifier)));
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
    expect(answers.filter((answer) => answer.body.code === 'completion_refused')).toHaveLength(31);
    const sealed = await readSealed(stack, flow.connection_ref);
    for (const verifier of [flow.verifier, createVerifier().verifier]) {
      expect((await complete(handle, verifier)).body.code).toBe('completion_refused');
    }
    expect(await readSealed(stack, flow.connection_ref)).toBe(sealed);
    const token = await readToken(flow);
    expect(await provider.isTokenActive(token.body.credentials.access_token)).toBe(true);
  });

  it('H2: a mailed link that another person consents never becomes readable, and its grant is revoked when the time is over', async () => {
    const flow = await requestBound();
    const handle = await consent(flow, 'victim');
    const before = provider.revokedTokens().length;
    // The sender of the link polls with the connection id; the verifier is not theirs to use, it lies in the app's server.
    for (let poll = 0; poll < 5; poll++) {
      expect((await check(flow)).body.status).toBe('pending');
      const refused = await readToken(flow);
      expect(refused.status).toBe(409);
      expect(refused.body.code).toBe('connection_not_active');
      expect((await stack.gateway('POST', `/v1/refresh/${flow.connection_id}`)).status).toBe(409);
    }
    await expireHandle(stack, flow.connection_ref);
    expect((await complete(handle, flow.verifier)).body.code).toBe('completion_refused');
    await waitUntilFailed(flow);
    expect((await check(flow)).body).toMatchObject({
      status: 'failed',
      reason: { code: 'not_completed' },
      account: null,
    });
    expect((await readToken(flow)).body).toMatchObject({ code: 'connection_not_active', status: 'failed' });
    await waitFor('the revocation at the provider', () => (provider.revokedTokens().length > before ? true : null));
    for (const token of provider.revokedTokens().slice(before)) expect(await provider.isTokenActive(token)).toBe(false);
    const failed = (await readAudit(stack, flow.connection_ref)).filter(
      (event) => event.event_type === 'connection.failed',
    );
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({ outcome: 'failure', data: { reason: 'not_completed' } });
  });

  it("H2: a completion with the verifier of the other person's own session is refused", async () => {
    const mailed = await requestBound();
    const own = await requestBound();
    const handle = await consent(mailed, 'mallory-victim');
    expect((await complete(handle, own.verifier)).body.code).toBe('completion_refused');
    expect((await check(mailed)).body.status).toBe('failed');
    expect((await check(own)).body.status).toBe('pending');
  });

  it('spares the grant of a person who has another live connection when a flow is not completed', async () => {
    const wanted = await requestBound();
    await complete(await consent(wanted, 'sibling'), wanted.verifier);
    const token = (await readToken(wanted)).body.credentials.access_token;
    const abandoned = await requestBound();
    const handle = await consent(abandoned, 'sibling');
    const before = provider.revokedTokens().length;
    await complete(handle, createVerifier().verifier);
    expect((await check(abandoned)).body.status).toBe('failed');
    expect(provider.revokedTokens()).toHaveLength(before);
    expect(await provider.isTokenActive(token)).toBe(true);
  });

  it('a reconnect that is not completed leaves the connection, its token and its grant exactly as they were', async () => {
    const flow = await requestBound();
    await complete(await consent(flow, 'rhea'), flow.verifier);
    const token = (await readToken(flow)).body.credentials.access_token;
    const sealed = await readSealed(stack, flow.connection_ref);
    const again = await requestBound({ connection_id: flow.connection_id });
    const handle = await consent(again, 'rhea');
    expect((await check(flow)).body.status).toBe('active');
    const before = provider.revokedTokens().length;
    await complete(handle, createVerifier().verifier);
    expect(provider.revokedTokens()).toHaveLength(before);
    expect(await readSealed(stack, flow.connection_ref)).toBe(sealed);
    expect((await readToken(flow)).body.credentials.access_token).toBe(token);
    expect(await provider.isTokenActive(token)).toBe(true);
  });

  it('a completed reconnect replaces the credential under the same id', async () => {
    const flow = await requestBound();
    await complete(await consent(flow, 'nina'), flow.verifier);
    const first = (await readToken(flow)).body.credentials.access_token;
    const again = await requestBound({ connection_id: flow.connection_id });
    const handle = await consent(again, 'nina');
    expect((await readToken(flow)).body.credentials.access_token).toBe(first);
    expect((await complete(handle, again.verifier)).status).toBe(200);
    const second = (await readToken(flow)).body.credentials.access_token;
    expect(second).not.toBe(first);
    expect(await provider.isTokenActive(second)).toBe(true);
  });

  it('a static credential captured in a bound flow stays unusable until it is completed', async () => {
    const flow = await requestBound({ provider_name: 'acme-key' });
    const captured = await stack.gateway('POST', '/v1/capture-credential', {
      body: { state: flow.state, credentials: { api_key: 'bound-static-key' } },
    });
    expect(captured.status).toBe(200);
    expect(captured.body).toMatchObject({ status: 'pending', connection_ref: flow.connection_ref });
    const handle = readHandle(captured.body.redirect_url);
    expect((await check(flow)).body.status).toBe('pending');
    expect((await readToken(flow)).status).toBe(409);
    expect(await readSealed(stack, flow.connection_ref)).toBeNull();
    expect((await complete(handle, flow.verifier)).status).toBe(200);
    expect((await readToken(flow)).body.credentials).toEqual({ api_key: 'bound-static-key' });
    expect((await readEvents(flow)).slice(-3)).toEqual([
      'credential.captured',
      'connection.activated',
      'token.retrieved',
    ]);
  });

  it('a static credential whose flow is not completed is erased', async () => {
    const flow = await requestBound({ provider_name: 'acme-key' });
    await stack.gateway('POST', '/v1/capture-credential', {
      body: { state: flow.state, credentials: { api_key: 'abandoned-static-key' } },
    });
    await expireHandle(stack, flow.connection_ref);
    await waitUntilFailed(flow);
    // It is erased once the provider was told, where there is one to tell.
    await waitFor('the erased result', async () => {
      const [row] = await runSql(stack, 'select sealed_result, handle_hash from flow where connection_ref = ?', [
        flow.connection_ref,
      ]);
      return row?.['sealed_result'] === null && row['handle_hash'] === null ? row : null;
    });
    expect((await check(flow)).body).toMatchObject({ status: 'failed', reason: { code: 'not_completed' } });
  });
});
