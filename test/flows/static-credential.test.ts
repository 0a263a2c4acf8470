import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Requested, readAudit, registerStaticProvider, requestConnection } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { registerScriptedOauth } from '../support/scripted-oauth.js';
import { expireFlow, readSealed } from '../support/sql.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';

const submissions = 32;

const ticketSchema = {
  type: 'object',
  title: 'Acme account',
  properties: {
    api_key: { type: 'string', title: 'API key', format: 'password', pattern: '^ak_[a-z0-9]+$', minLength: 6 },
    region: { type: 'string', title: 'Region', enum: ['eu', 'us'] },
    note: { type: 'string', description: 'Anything that helps you to find it.', maxLength: 20 },
  },
  required: ['api_key', 'region'],
};

describe.each(engines)('a static credential on %s', (engine) => {
  let stack: Stack;
  let provider: { readonly id: string };
  let api: ScriptedProvider;

  beforeAll(async () => {
    stack = await startStack({ engine });
    provider = await registerStaticProvider(stack, { name: 'acme-key', credential_schema: ticketSchema });
    api = await startScriptedProvider();
  });
  afterAll(async () => {
    await stack.close();
    await api.close();
  });

  const request = (name = 'acme-key') => requestConnection(stack, { provider_name: name });
  const capture = (requested: Requested, credentials: unknown): Promise<Answer> =>
    stack.gateway('POST', '/v1/capture-credential', { body: { state: requested.state, credentials } });
  const readToken = (requested: Requested) => stack.gateway('GET', `/v1/token/${requested.connection_id}`);
  const check = async (requested: Requested) =>
    (await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`)).body;
  const good = { api_key: 'ak_fixture1', region: 'eu' };

  it('has one schema, found by ticket, name or id', async () => {
    const requested = await request();
    const answers = await Promise.all(
      [
        `state=${requested.state}`,
        'provider_name=acme-key',
        'provider_name=ACME-Key',
        `provider_id=${provider.id}`,
      ].map((query) => stack.gateway('GET', `/v1/capture-schema?${query}`)),
    );
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({
        provider_name: 'acme-key',
        provider_id: provider.id,
        schema: expect.objectContaining({ ...ticketSchema, additionalProperties: false }),
      });
    }
  });

  it('refuses to show a schema that is not there, each in its own words', async () => {
    const oauth = await registerScriptedOauth(stack);
    const expired = await request();
    await expireFlow(stack, expired.connection_ref);
    const oauthFlow = await request('scripted');
    for (const [query, status, code] of [
      ['', 400, 'missing_params'],
      ['?state=', 400, 'missing_params'],
      ['?provider_name=scripted', 400, 'not_a_static_provider'],
      [`?state=${oauthFlow.state}`, 400, 'not_a_static_provider'],
      ['?provider_name=nobody', 404, 'provider_not_found'],
      ['?provider_id=01J00000000000000000000000', 404, 'provider_not_found'],
      ['?state=nxt_unknown', 410, 'flow_expired'],
      [`?state=${expired.state}`, 410, 'flow_expired'],
    ] as const) {
      const refused = await stack.gateway('GET', `/v1/capture-schema${query}`);
      expect([query, refused.status, refused.body.code]).toEqual([query, status, code]);
    }
    const late = await capture(expired, good);
    expect([late.status, late.body.code]).toEqual([410, 'flow_expired']);
    const misdirected = await capture(oauthFlow, good);
    expect([misdirected.status, misdirected.body.code]).toEqual([400, 'not_a_static_provider']);
    await oauth.close();
  });

  it('is captured, active at once, and handed out with what the strategy uses and nothing else', async () => {
    const requested = await request();
    const captured = await capture(requested, { ...good, note: 'not for agents' });
    expect(captured.status).toBe(200);
    expect(captured.body).toEqual({
      connection_ref: requested.connection_ref,
      status: 'success',
      redirect_url: `http://127.0.0.1:1/return?status=success&connection_ref=${requested.connection_ref}&provider=acme-key`,
    });
    expect(await check(requested)).toMatchObject({ status: 'active', account: null });
    const token = await readToken(requested);
    expect(token.body).toEqual({
      strategy: {
        type: 'header',
        config: { header_name: 'Authorization', credential_field: 'api_key', value_prefix: 'Bearer ' },
      },
      credentials: { api_key: 'ak_fixture1' },
      scope: '',
      expires_at: null,
      provider: 'acme-key',
      provider_name: 'acme-key',
      connection_ref: requested.connection_ref,
      api_base_url: null,
    });
    const captures = (await readAudit(stack, requested.connection_ref)).filter(
      (event) => event.event_type === 'credential.captured',
    );
    expect(captures).toHaveLength(1);
    expect(captures[0].data).toEqual({ fields: ['api_key', 'note', 'region'] });
  });

  it('names every field that is wrong, never its value, and stores nothing', async () => {
    const requested = await request();
    const refused = await capture(requested, {
      api_key: 'wrong-value-7',
      region: 'mars',
      extra: 'x',
      note: 'n'.repeat(21),
    });
    expect(refused.status).toBe(400);
    expect(refused.body.code).toBe('invalid_request');
    expect(refused.body.details.map((detail: { path: string }) => detail.path).sort()).toEqual([
      'credentials.api_key',
      'credentials.extra',
      'credentials.note',
      'credentials.region',
    ]);
    expect(JSON.stringify(refused.body)).not.toContain('wrong-value-7');
    const missing = await capture(requested, { region: 7 });
    expect(missing.body.details.map((detail: { path: string }) => detail.path).sort()).toEqual([
      'credentials.api_key',
      'credentials.region',
    ]);
    for (const credentials of [undefined, null, [], 'text', 7]) {
      expect((await capture(requested, credentials)).status).toBe(400);
    }
    expect(await readSealed(stack, requested.connection_ref)).toBeNull();
    expect((await check(requested)).status).toBe('pending');
    expect((await capture(requested, good)).status).toBe(200);
  });

  it.each(['\n', '\r', '\t', '\u0001', '\u001b', '\u007f', '\u0085', '\u2028', '\u2029'])(
    'S-10: a control character (%j) in a value is refused',
    async (character) => {
      await registerStaticProvider(stack, { name: `free-${character.charCodeAt(0)}` });
      const requested = await request(`free-${character.charCodeAt(0)}`);
      const refused = await capture(requested, { api_key: `key${character}X-Injected: 1` });
      expect(refused.status).toBe(400);
      expect(refused.body).toMatchObject({ code: 'invalid_request', details: [{ path: 'credentials.api_key' }] });
      expect(await readSealed(stack, requested.connection_ref)).toBeNull();
    },
  );

  it('H16: a ticket is spent by success: a second submission is refused and the stored value stays', async () => {
    const requested = await request();
    await capture(requested, good);
    const sealed = await readSealed(stack, requested.connection_ref);
    expect(sealed).not.toBeNull();
    for (const credentials of [good, { ...good, api_key: 'ak_other22' }, { api_key: 'wrong' }]) {
      const refused = await capture(requested, credentials);
      expect(refused.status).toBe(409);
      expect(refused.body.code).toBe('flow_already_used');
    }
    const page = await new Person(stack.gatewayUrl).press(requested.auth_url, { ...good, api_key: 'ak_other22' });
    expect(page.status).toBe(410);
    expect(await readSealed(stack, requested.connection_ref)).toBe(sealed);
    expect((await readToken(requested)).body.credentials).toEqual({ api_key: 'ak_fixture1' });
  });

  it(`H16: of ${submissions} submissions at once exactly one is stored`, async () => {
    const requested = await request();
    const answers = await Promise.all(
      Array.from({ length: submissions }, (_, index) =>
        capture(requested, { ...good, api_key: `ak_parallel${index}` }),
      ),
    );
    const stored = answers.flatMap((answer, index) => (answer.status === 200 ? [`ak_parallel${index}`] : []));
    expect(stored).toHaveLength(1);
    const losers = answers.flatMap(({ status, body }) => (status === 200 ? [] : [body.code]));
    expect(new Set(losers)).toEqual(new Set(['flow_already_used']));
    expect((await capture(requested, good)).body.code).toBe('flow_already_used');
    expect((await readToken(requested)).body.credentials).toEqual({ api_key: stored[0] });
  });

  it('a new flow for the same connection replaces the value and keeps the id; until then the old one works', async () => {
    const requested = await request();
    await capture(requested, good);
    const again = await requestConnection(stack, { provider_name: 'acme-key', connection_id: requested.connection_id });
    expect((await capture(again, { api_key: 'wrong' })).status).toBe(400);
    expect((await readToken(requested)).body.credentials).toEqual({ api_key: 'ak_fixture1' });
    expect((await capture(again, { ...good, api_key: 'ak_second' })).status).toBe(200);
    expect((await readToken(requested)).body.credentials).toEqual({ api_key: 'ak_second' });
  });

  it('ten refusals end the flow, and a right entry comes too late', async () => {
    const requested = await request();
    for (let attempt = 1; attempt < 10; attempt++) {
      expect((await capture(requested, { api_key: 'wrong' })).status).toBe(400);
    }
    const tenth = await capture(requested, { api_key: 'wrong' });
    expect([tenth.status, tenth.body.code]).toEqual([410, 'capture_refused']);
    const late = await capture(requested, good);
    expect([late.status, late.body.code]).toEqual([410, 'capture_refused']);
    expect((await new Person(stack.gatewayUrl).open(requested.auth_url)).status).toBe(410);
    expect(await check(requested)).toMatchObject({ status: 'failed', reason: { code: 'capture_refused' } });
    expect(await readSealed(stack, requested.connection_ref)).toBeNull();
  });

  it('is tried at the provider first: refused entries are not stored, and the ticket stays good', async () => {
    api.answer('/v1/me', (probe) => ({ status: probe.headers['authorization'] === 'Bearer right' ? 200 : 401 }));
    await registerStaticProvider(stack, { name: 'probed', api_base_url: `${api.origin}/v1`, probe: { path: '/me' } });
    const requested = await request('probed');
    const refused = await capture(requested, { api_key: 'typo' });
    expect(refused.status).toBe(400);
    expect(refused.body.code).toBe('credentials_rejected');
    expect(JSON.stringify(refused.body)).not.toContain('typo');
    expect(await readSealed(stack, requested.connection_ref)).toBeNull();
    expect((await capture(requested, { api_key: 'right' })).status).toBe(200);
    expect(api.requests('/v1/me').map((probe) => probe.headers['authorization'])).toEqual([
      'Bearer typo',
      'Bearer right',
    ]);
    const events = (await readAudit(stack, requested.connection_ref)).map((event) => event.event_type);
    expect(events.slice(-3)).toEqual(['credential.capture_refused', 'credential.captured', 'connection.activated']);
  });

  it('S-11: a probe without a clear answer says one thing, whatever the reason, and counts as no refusal', async () => {
    api.answer('/down', { status: 503, body: 'stack trace of the provider' });
    api.answer('/moved', { status: 302, headers: { location: '/secret' } });
    const closed = await startScriptedProvider();
    await closed.close();
    const paths = [`${api.origin}/down`, `${api.origin}/moved`, `${api.origin}/unknown`, `${closed.origin}/x`];
    const answers = await Promise.all(
      paths.map(async (path, index) => {
        await registerStaticProvider(stack, {
          name: `unclear-${index}`,
          probe: { path },
          allowed_origins: [new URL(path).origin],
        });
        const requested = await request(`unclear-${index}`);
        const startedAt = Date.now();
        const answer = await capture(requested, { api_key: 'right' });
        return { answer, seconds: (Date.now() - startedAt) / 1_000, status: (await check(requested)).status };
      }),
    );
    for (const { answer, seconds, status } of answers) {
      expect(answer.status).toBe(502);
      expect({ ...answer.body, request_id: '' }).toEqual({ ...answers[0]?.answer.body, request_id: '' });
      expect(seconds).toBeGreaterThan(4.5);
      expect(status).toBe('pending');
    }
    expect(api.requests('/secret')).toEqual([]);
  });

  it('the hosted form takes the same entries: a wrong one comes back with its error, a right one goes on', async () => {
    const requested = await request();
    const person = new Person(stack.gatewayUrl);
    expect((await person.open(requested.auth_url)).text).toContain('API key');
    const wrong = await person.press(requested.auth_url, { api_key: 'wrong-secret-entry', region: 'eu' });
    expect(wrong.status).toBe(400);
    expect(wrong.text).toContain('API key does not have the expected form.');
    expect(wrong.text).not.toContain('wrong-secret-entry');
    const right = await person.press(requested.auth_url, good);
    expect(right.status).toBe(303);
    expect(new URL(right.location).searchParams.get('status')).toBe('success');
  });
});
