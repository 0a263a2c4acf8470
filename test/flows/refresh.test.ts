import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAudit } from '../support/fixtures.js';
import { createRefreshActions } from '../support/refresh-actions.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { readSealed, runSql, setAccessExpiry } from '../support/sql.js';
import { engines, type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

const readers = 1_000;

describe.each(engines)('refreshing on %s', (engine) => {
  let stack: Stack;
  let provider: ScriptedOauth;

  beforeAll(async () => {
    stack = await startStack({ engine });
    provider = await registerScriptedOauth(stack);
  });
  afterAll(async () => {
    await stack.close();
    await provider.close();
  });

  const { read, force, check, refreshCalls } = createRefreshActions(() => ({ stack, provider }));

  /** As if the time had passed that failed calls make the next one wait. */
  const forgetPause = async (requested: { readonly connection_ref: string }) => {
    await runSql(stack, 'update connection set next_attempt_at = null where connection_ref = ?', [
      requested.connection_ref,
    ]);
    await runSql(stack, 'delete from call_pace');
  };

  it(`R1: ${readers} concurrent reads of one expired token cause one provider call and all get the same token`, async () => {
    const requested = await connectScripted(stack, provider, 'crowd');
    await setAccessExpiry(stack, requested.connection_ref);
    provider.server.enqueue('/token', {
      delayMs: 300,
      body: { access_token: 'at-crowd-new', refresh_token: 'rt-crowd-new', token_type: 'bearer', expires_in: 3_600 },
    });
    const pool = new Pool(stack.gatewayUrl, { connections: 128 });
    try {
      const answers = await Promise.all(
        Array.from({ length: readers }, async () => {
          const { statusCode, body } = await pool.request({
            method: 'GET',
            path: `/v1/token/${requested.connection_id}`,
          });
          return { statusCode, body: (await body.json()) as { credentials?: { access_token?: string } } };
        }),
      );
      expect(answers.filter((answer) => answer.statusCode !== 200)).toEqual([]);
      expect(new Set(answers.map((answer) => answer.body.credentials?.access_token))).toEqual(
        new Set(['at-crowd-new']),
      );
    } finally {
      await pool.close();
    }
    expect(refreshCalls('crowd')).toHaveLength(1);
    const retrieved = await runSql(
      stack,
      `select count(*) as disclosures from audit_event where connection_ref = ? and event_type = 'token.retrieved'`,
      [requested.connection_ref],
    );
    expect(Number(retrieved[0]?.['disclosures'])).toBe(readers);
  });

  it('a token that is due is served as it is, and renewed behind the answer', async () => {
    const requested = await connectScripted(stack, provider, 'due');
    const first = (await read(requested)).body.credentials.access_token;
    await runSql(stack, 'update connection set refresh_after = 1 where connection_ref = ?', [requested.connection_ref]);
    expect((await read(requested)).body.credentials.access_token).toBe(first);
    await waitFor('the background refresh', async () =>
      (await read(requested)).body.credentials.access_token === first ? null : true,
    );
    expect(refreshCalls('due')).toHaveLength(1);
  });

  it('R5: an answer without a refresh token keeps the old one, refresh after refresh', async () => {
    const requested = await connectScripted(stack, provider, 'keeper');
    for (let round = 0; round < 10; round++) {
      provider.server.enqueue('/token', {
        body: { access_token: `at-keeper-round${round}`, token_type: 'bearer', expires_in: 3_600 },
      });
      await setAccessExpiry(stack, requested.connection_ref);
      expect((await read(requested)).body.credentials.access_token).toBe(`at-keeper-round${round}`);
    }
    const sent = refreshCalls('keeper').map((call) => call.form.get('refresh_token'));
    expect(sent).toHaveLength(10);
    expect(new Set(sent).size).toBe(1);
  });

  it('R6: an error that a provider sends with 200 ends the grant and is not stored', async () => {
    const requested = await connectScripted(stack, provider, 'github');
    const sealed = await readSealed(stack, requested.connection_ref);
    provider.server.enqueue('/token', {
      status: 200,
      body: { error: 'bad_refresh_token', error_description: 'secret text' },
    });
    await setAccessExpiry(stack, requested.connection_ref);
    const refused = await read(requested);
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      code: 'attention_required',
      status: 'attention',
      reason: { code: 'grant_revoked' },
    });
    expect(JSON.stringify(refused.body)).not.toContain('secret text');
    expect(await readSealed(stack, requested.connection_ref)).toBe(sealed);
    expect(await check(requested)).toMatchObject({ status: 'attention', reason: { code: 'grant_revoked' } });
    const calls = refreshCalls('github').length;
    expect((await read(requested)).status).toBe(409);
    expect((await force(requested)).status).toBe(409);
    expect(refreshCalls('github')).toHaveLength(calls);
    const [last] = (await readAudit(stack, requested.connection_ref)).filter(
      (event) => event.event_type === 'connection.attention',
    );
    expect(last).toMatchObject({ data: { reason: 'grant_revoked', upstream_error: 'bad_refresh_token' } });
  });

  it.each([
    ['503', { status: 503, body: { error: 'invalid_grant' } }],
    ['html', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>maintenance</html>' }],
    ['redirect', { status: 302, headers: { location: '/elsewhere' } }],
    ['hangup', { drop: 'before' as const }],
    ['partial', { drop: 'midway' as const, body: { access_token: 'at-half', token_type: 'bearer' } }],
    ['empty', { status: 200, body: {} }],
    ['null', { status: 200, body: 'null' }],
    ['array', { status: 200, body: [] }],
  ])(
    'R8: a provider that fails (%s) changes no status: the token is served while it lives, then 502 until it recovers',
    async (kind, script) => {
      const login = `outage${kind}`;
      const requested = await connectScripted(stack, provider, login);
      const first = (await read(requested)).body.credentials.access_token;
      const sealed = await readSealed(stack, requested.connection_ref);
      provider.failTokens(script);
      try {
        await setAccessExpiry(stack, requested.connection_ref, 20);
        for (let reader = 0; reader < 5; reader++) {
          expect((await read(requested)).body.credentials?.access_token).toBe(first);
        }
        expect(provider.server.requests('/elsewhere')).toEqual([]);
        await setAccessExpiry(stack, requested.connection_ref);
        const refused = await read(requested);
        expect(refused.status).toBe(502);
        expect(refused.body.code).toBe('provider_unavailable');
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await check(requested)).toMatchObject({ status: 'active', reason: null });
        expect(await readSealed(stack, requested.connection_ref)).toBe(sealed);
      } finally {
        provider.failTokens(null);
      }
      await forgetPause(requested);
      const recovered = await read(requested);
      expect(recovered.status).toBe(200);
      expect(recovered.body.credentials.access_token).not.toBe(first);
    },
  );

  it('R7: a provider that is called too often is told apart, and its Retry-After is passed on within limits', async () => {
    const requested = await connectScripted(stack, provider, 'throttled');
    await setAccessExpiry(stack, requested.connection_ref);
    for (const [sent, expected] of [
      ['77', 77],
      ['999999999', 900],
    ] as const) {
      await forgetPause(requested);
      provider.server.enqueue('/token', { status: 429, headers: { 'retry-after': sent }, body: 'slow down' });
      const refused = await read(requested);
      expect(refused.status).toBe(502);
      expect(refused.headers.get('retry-after')).toBe(String(expected));
    }
    expect((await check(requested)).status).toBe('active');
    const waiting = await read(requested);
    expect(waiting.status).toBe(502);
    expect(Number(waiting.headers.get('retry-after'))).toBeGreaterThan(890);
    expect(refreshCalls('throttled')).toHaveLength(2);
    await forgetPause(requested);
    expect((await read(requested)).status).toBe(200);
  });

  it.each(['invalid_client', 'unauthorized_client'])(
    "R9: %s is the profile's fault: connections stay as they are",
    async (error) => {
      const login = error.replace('_', '');
      const requested = await connectScripted(stack, provider, login);
      provider.failTokens({ status: 401, body: { error } });
      try {
        await setAccessExpiry(stack, requested.connection_ref);
        for (let reader = 0; reader < 3; reader++) {
          const refused = await read(requested);
          expect(refused.status).toBe(502);
          expect(refused.body.code).toBe('provider_unavailable');
        }
        expect(await check(requested)).toMatchObject({ status: 'active', reason: null });
      } finally {
        provider.failTokens(null);
      }
      const calls = refreshCalls(login).length;
      expect((await read(requested)).status).toBe(502);
      expect(refreshCalls(login)).toHaveLength(calls);
      await stack.broker('PATCH', `/admin/v1/providers/${provider.providerId}`, {
        body: { description: `mended ${error}` },
      });
      await waitFor('the mended profile', async () => ((await read(requested)).status === 200 ? true : null));
      const failed = (await readAudit(stack, requested.connection_ref)).filter(
        (event) => event.event_type === 'token.refresh_failed',
      );
      expect(failed[0]).toMatchObject({
        data: { class: 'configuration', upstream_error: error, upstream_status: 401 },
      });
    },
  );

  it('client secrets are tried in order, so that a rotation at the provider is no outage', async () => {
    const rotating = await registerScriptedOauth(stack, {
      name: 'rotating',
      profile: {
        client_secret: ['fixture-old-secret', 'fixture-new-secret'],
        token_endpoint_auth_method: 'client_secret_post',
      },
    });
    try {
      const requested = await connectScripted(stack, rotating, 'rotor');
      rotating.failTokens((request) =>
        request.form.get('client_secret') === 'fixture-new-secret'
          ? { body: { access_token: 'at-rotor-new', token_type: 'bearer', expires_in: 3_600 } }
          : { status: 401, body: { error: 'invalid_client' } },
      );
      await setAccessExpiry(stack, requested.connection_ref);
      expect((await read(requested)).body.credentials.access_token).toBe('at-rotor-new');
      const secrets = rotating.tokenCalls('refresh_token').map((call) => call.form.get('client_secret'));
      expect(secrets).toEqual(['fixture-old-secret', 'fixture-new-secret']);
    } finally {
      await rotating.close();
    }
  });
});
