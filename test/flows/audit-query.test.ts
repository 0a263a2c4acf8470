import { createToken } from '@nexus/core/tokens';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CreatedKey, createKey, type Requested, registerStaticProvider } from '../support/fixtures.js';
import { connectAs, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { forgetLastRefresh, setAccessExpiry } from '../support/sql.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';

interface Entry {
  readonly id: string;
  readonly seq: number | null;
  readonly event_type: string;
  readonly created_at: string;
  readonly outcome: string;
  readonly actor: { readonly type: string; readonly id: string | null; readonly key_hint: string | null };
  readonly connection_ref?: string;
  readonly request_id: string;
  readonly caller_ip: string | null;
  readonly user_agent: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

const strangers = 100;

describe.each(engines)('the audit log on %s', (engine) => {
  let stack: Stack;
  let provider: ScriptedOauth;
  let auditor: CreatedKey;
  let operator: CreatedKey;
  let app: CreatedKey;
  let oauth: Requested;
  let fixed: Requested;
  const secrets: string[] = [];

  const read = (query: string, key = auditor.key): Promise<Answer> => stack.broker('GET', `/audit${query}`, { key });
  const list = async (query: string): Promise<readonly Entry[]> => {
    const answer = await read(`${query}${query === '' ? '?' : '&'}limit=500`);
    expect(answer.status).toBe(200);
    return answer.body.events;
  };

  async function start(providerName: string): Promise<Requested> {
    const answer = await stack.gateway('POST', '/v1/request-connection', {
      key: app.key,
      headers: { 'X-Request-Id': `request-${providerName}`, 'User-Agent': 'story/1.0' },
      body: { workspace_id: 'story', provider_name: providerName, return_url: 'http://127.0.0.1:1/return' },
    });
    secrets.push(answer.body.connection_id, answer.body.state);
    return answer.body as Requested;
  }

  /** One of everything that changes something, each by its own actor. */
  beforeAll(async () => {
    stack = await startStack({ engine });
    [auditor, operator, app] = [
      await createKey(stack, 'auditor'),
      await createKey(stack, 'operator'),
      await createKey(stack, 'app'),
    ];
    provider = await registerScriptedOauth(stack);
    await registerStaticProvider(stack, {
      credential_schema: {
        type: 'object',
        properties: { api_key: { type: 'string', pattern: '^ak_' } },
        required: ['api_key'],
      },
    });
    oauth = await start('scripted');
    await connectAs(stack, oauth, 'ada');
    const readToken = () =>
      stack.gateway('GET', `/v1/token/${oauth.connection_id}`, {
        key: app.key,
        headers: { 'X-Request-Id': 'reader-1' },
      });
    secrets.push((await readToken()).body.credentials.access_token);
    await setAccessExpiry(stack, oauth.connection_ref);
    secrets.push((await readToken()).body.credentials.access_token);
    provider.failTokens({ status: 503 });
    await setAccessExpiry(stack, oauth.connection_ref);
    await readToken();
    await forgetLastRefresh(stack, oauth.connection_ref);
    await setAccessExpiry(stack, oauth.connection_ref);
    provider.failTokens({ status: 400, body: { error: 'invalid_grant' } });
    await readToken();
    provider.failTokens(null);
    fixed = await start('acme-key');
    for (const value of ['wrong-entry', 'ak_static_value']) {
      secrets.push(value);
      await stack.gateway('POST', '/v1/capture-credential', {
        body: { state: fixed.state, credentials: { api_key: value } },
      });
    }
    for (const id of [oauth, fixed]) {
      await stack.gateway('DELETE', `/v1/connections/${id.connection_id}`, { key: operator.key });
    }
    await stack.gateway('PATCH', `/v1/providers/${provider.providerId}`, {
      key: operator.key,
      body: { description: 'changed', client_secret: 'fixture-second-secret' },
    });
    await stack.gateway('DELETE', `/v1/providers/${provider.providerId}`, { key: operator.key });
    const origin = await stack.broker('POST', '/admin/v1/return-origins', {
      body: { origin: 'https://app.example', app_name: 'App', completion: 'confirm' },
    });
    await stack.broker('DELETE', `/admin/v1/return-origins/${origin.body.id}`);
    const spare = await createKey(stack, 'app');
    await stack.broker('DELETE', `/admin/v1/keys/${spare.id}`);
    await stack.broker('GET', '/admin/v1/keys', { key: operator.key });
    secrets.push(app.key, operator.key, auditor.key, spare.key, stack.adminKey, stack.gatewayKey);
    secrets.push('fixture-client-secret', 'fixture-second-secret');
  });
  afterAll(async () => {
    await stack.close();
    await provider.close();
  });

  it('holds an entry of every change, by the one who made it', async () => {
    const entries = await list('?order=asc');
    const byType = new Map<string, Set<string | null>>();
    for (const { event_type: type, actor } of entries) {
      byType.set(type, (byType.get(type) ?? new Set()).add(actor.type === 'key' ? actor.id : actor.type));
    }
    const [adminId] = (await stack.broker('GET', '/admin/v1/keys')).body.keys
      .filter((key: { role: string }) => key.role === 'admin')
      .map((key: { id: string }) => key.id);
    const expected: Record<string, (string | null)[]> = {
      'service.started': ['system'],
      'key.created': ['system', adminId],
      'key.revoked': [adminId],
      'provider.created': [adminId],
      'provider.updated': [operator.id],
      'provider.deleted': [operator.id],
      'return_origin.created': [adminId],
      'return_origin.deleted': [adminId],
      'connection.requested': [app.id],
      'connection.opened': ['anonymous'],
      'connection.activated': ['anonymous'],
      'connection.attention': [app.id],
      'connection.revoked': [operator.id],
      'credential.captured': ['anonymous'],
      'credential.capture_refused': ['anonymous'],
      'token.retrieved': [app.id],
      'token.retrieval_failed': [app.id],
      'token.refreshed': [app.id],
      'token.refresh_failed': [app.id],
      'auth.forbidden': [operator.id],
    };
    const seen = Object.fromEntries(Object.keys(expected).map((type) => [type, [...(byType.get(type) ?? [])].sort()]));
    expect(seen).toEqual(
      Object.fromEntries(Object.entries(expected).map(([type, actors]) => [type, [...actors].sort()])),
    );
  });

  it('tells of an entry who, what, when and from where, and nothing that opens anything', async () => {
    const [requested] = await list(`?connection_ref=${oauth.connection_ref}&event_type=connection.requested&order=asc`);
    expect(requested).toEqual({
      id: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/),
      seq: expect.any(Number),
      event_type: 'connection.requested',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      outcome: 'success',
      actor: { type: 'key', id: app.id, key_hint: app.key.slice(-4) },
      connection_ref: oauth.connection_ref,
      provider_name: 'scripted',
      workspace_id: 'story',
      request_id: 'request-scripted',
      caller_ip: '127.0.0.1',
      user_agent: 'story/1.0',
      data: { scopes: ['read'], completion: 'confirm', reconnect: false },
    });
    const disclosures = await list(`?connection_ref=${oauth.connection_ref}&event_type=token.retrieved`);
    expect(disclosures.map((entry) => entry.request_id)).toEqual(['reader-1', 'reader-1']);
    const text = JSON.stringify(await list(''));
    const found = secrets.filter((secret) =>
      [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')].some((form) =>
        text.includes(form),
      ),
    );
    expect(secrets.length).toBeGreaterThan(12);
    expect(found).toEqual([]);
    expect(text).not.toMatch(/nx[acgptu]_[0-9A-Za-z]{49}/);
  });

  it('filters by every field, alone and together', async () => {
    const all = await list('');
    const cases: [string, (entry: Entry) => boolean][] = [
      ['?event_type=connection.revoked', (entry) => entry.event_type === 'connection.revoked'],
      ['?event_type=connection.*', (entry) => entry.event_type.startsWith('connection.')],
      [
        '?event_type=key.created&event_type=provider.*',
        (entry) => /^(key\.created$|provider\.)/.test(entry.event_type),
      ],
      [`?connection_ref=${oauth.connection_ref}`, (entry) => entry.connection_ref === oauth.connection_ref],
      [`?actor=${operator.id}`, (entry) => entry.actor.id === operator.id],
      ['?outcome=failure', (entry) => entry.outcome === 'failure'],
      [
        '?outcome=refused&event_type=auth.*',
        (entry) => entry.outcome === 'refused' && entry.event_type.startsWith('auth.'),
      ],
      [
        `?actor=${operator.id}&event_type=connection.revoked`,
        (entry) => entry.actor.id === operator.id && entry.event_type === 'connection.revoked',
      ],
    ];
    for (const [query, matches] of cases) {
      const expected = all.filter(matches);
      expect([query, await list(query)]).toEqual([query, expected]);
      expect(expected.length, query).toBeGreaterThan(0);
      expect(expected.length, query).toBeLessThan(all.length);
    }
    const byProvider = await list(`?resource_id=${provider.providerId}`);
    expect(byProvider.map((entry) => entry.event_type)).toEqual([
      'provider.deleted',
      'provider.updated',
      'provider.created',
    ]);
    expect((await list('?workspace_id=story')).length).toBeGreaterThan(5);
    for (const none of ['?event_type=connection', '?event_type=nothing.*', '?workspace_id=stor', '?agent_id=nobody']) {
      expect(await list(none)).toEqual([]);
    }
  });

  it('since is included and until is not, in any RFC 3339 spelling', async () => {
    const all = await list('?order=asc');
    const middle = all[Math.floor(all.length / 2)]?.created_at ?? '';
    const offset = `${new Date(Date.parse(middle) + 7_200_000).toISOString().slice(0, -1)}+02:00`;
    for (const instant of [middle, offset, middle.replace('T', 't').replace('Z', 'z')]) {
      const text = encodeURIComponent(instant);
      expect(await list(`?order=asc&since=${text}`)).toEqual(all.filter((entry) => entry.created_at >= middle));
      expect(await list(`?order=asc&until=${text}`)).toEqual(all.filter((entry) => entry.created_at < middle));
    }
  });

  it.each(['asc', 'desc'])(
    'pages in order (%s) without a gap or a repetition, whatever is added meanwhile',
    async (order) => {
      const all = await list(`?order=${order}`);
      const paged: Entry[] = [];
      let cursor = '';
      for (let page = 0; page < 200; page++) {
        const answer = await read(`?order=${order}&limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`);
        expect(answer.body.limit).toBe(7);
        paged.push(...answer.body.events);
        await stack.broker('GET', '/admin/v1/keys', { key: operator.key });
        if (answer.body.next_cursor === undefined || paged.length > all.length) break;
        cursor = encodeURIComponent(answer.body.next_cursor);
      }
      expect(paged.slice(0, all.length).map((entry) => entry.id)).toEqual(all.map((entry) => entry.id));
      expect(new Set(paged.map((entry) => entry.id)).size).toBe(paged.length);
      const times = paged.map((entry) => entry.created_at);
      expect(times).toEqual(order === 'asc' ? [...times].sort() : [...times].sort().reverse());
    },
  );

  it('answers 50 entries by default and the bare array on demand', async () => {
    const page = await read('');
    expect(Object.keys(page.body).sort()).toEqual(
      ['events', 'limit', 'next_cursor'].slice(0, page.body.next_cursor ? 3 : 2),
    );
    expect(page.body.limit).toBe(50);
    const array = await read('?format=array&limit=3');
    expect(array.body).toHaveLength(3);
    // The newest entries get their number within a moment.
    const withoutNumbers = (events: readonly object[]) => events.map((event) => ({ ...event, seq: null }));
    expect(withoutNumbers(array.body)).toEqual(withoutNumbers((await read('?limit=3')).body.events));
  });

  it.each([
    ['since=yesterday', 'invalid_since'],
    ['since=2026-01-31', 'invalid_since'],
    ['until=2026-13-01T00:00:00Z', 'invalid_since'],
    ['until=2026-01-31T08:00:00', 'invalid_since'],
    ['cursor=x', 'invalid_cursor'],
    ['cursor=', 'invalid_cursor'],
    [`cursor=${Buffer.from('2026-01-31T08:00:00.000Z nobody').toString('base64url')}`, 'invalid_cursor'],
    ['limit=0', 'invalid_request'],
    ['limit=501', 'invalid_request'],
    ['limit=ten', 'invalid_request'],
    ['order=sideways', 'invalid_request'],
    ['outcome=maybe', 'invalid_request'],
    ['format=csv', 'invalid_request'],
    ['actor=a&actor=b', 'invalid_request'],
  ])('refuses ?%s as %s', async (query, code) => {
    const refused = await read(`?${query}`);
    expect([refused.status, refused.body.code]).toEqual([400, code]);
  });

  it(`${strangers} refusals of strangers are a few entries that count them all`, async () => {
    const before = (await list('?event_type=auth.failed')).length;
    await Promise.all(
      Array.from({ length: strangers }, () => stack.gateway('GET', '/v1/providers', { key: createToken('nxa') })),
    );
    await Promise.all(Array.from({ length: strangers }, () => stack.gateway('GET', `/v1/token/${createToken('nxc')}`)));
    expect((await list('?event_type=auth.failed')).length - before).toBeLessThanOrEqual(3);
    await stack.stopBroker('SIGTERM');
    await stack.startBroker();
    for (const type of ['auth.failed', 'token.retrieval_failed']) {
      const entries = (await list(`?event_type=${type}`)).filter((entry) => entry.actor.type === 'anonymous');
      expect(entries.length).toBeLessThan(10);
      const counted = entries.reduce((sum, entry) => sum + Number(entry.data['count'] ?? 1), 0);
      expect([type, counted]).toEqual([type, strangers]);
    }
    expect((await list('?event_type=service.*')).map((entry) => entry.event_type)).toEqual([
      'service.started',
      'service.stopped',
      'service.started',
    ]);
  });
});
